#include "common/http/client.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "common/http/server.h"
#include "tests/common/http/server_fixture.h"
#include "tests/support/raw_listener.h"

namespace mesh::http {
namespace {

class ClientTest : public ServerTest {
 protected:
  std::string url(std::string_view path) const {
    return "http://" + server->addresses().at(0) + std::string(path);
  }
  ClientRequest request(std::string method, std::string_view path, std::string body = "") const {
    return {std::move(method), url(path), {{"Content-Type", "text/plain"}}, std::move(body), {}};
  }
};

TEST_F(ClientTest, SendsMethodHeadersAndBodyAndReadsTheAnswer) {
  start({echo("POST", "/echo", Body::event), echo("DELETE", "/echo")});
  Client client;
  const auto posted = client.send(request("POST", "/echo?a=1", "hello"));
  ASSERT_TRUE(posted) << posted.error().to_string();
  EXPECT_EQ(posted->status, 200);
  const auto seen = Json::parse(posted->body);
  EXPECT_EQ(seen["method"], "POST");
  EXPECT_EQ(seen["body"], "hello");
  EXPECT_EQ(seen["headers"]["content-type"], "text/plain");
  EXPECT_EQ(seen["headers"]["user-agent"], "mesh");
  EXPECT_NE(std::find(posted->headers.begin(), posted->headers.end(),
                      std::pair<std::string, std::string>{"Content-Type", "application/json"}),
            posted->headers.end());
  const auto deleted = client.send(request("DELETE", "/echo"));
  ASSERT_TRUE(deleted);
  EXPECT_EQ(Json::parse(deleted->body)["method"], "DELETE");
}

TEST_F(ClientTest, HeadAndEmptyPostWork) {
  start({echo("GET", "/echo"), echo("POST", "/echo", Body::json)});
  Client client;
  const auto head = client.send(request("HEAD", "/echo"));
  ASSERT_TRUE(head) << head.error().to_string();
  EXPECT_EQ(head->status, 200);
  EXPECT_EQ(head->body, "");
  EXPECT_EQ(client.send(request("POST", "/echo"))->status, 200) << "Content-Length: 0 is sent";
}

TEST_F(ClientTest, AnyStatusIsAnAnswer) {
  start();
  EXPECT_EQ(Client().send(request("GET", "/nowhere"))->status, 404);
}

TEST_F(ClientTest, AConnectionIsUsedAgain) {
  std::set<std::string> remotes;
  Route route = echo("GET", "/remote");
  route.handler = [&](std::shared_ptr<const Request> r, Responder respond) {
    remotes.insert(r->remote);
    respond(Response::no_content());
  };
  start({route});
  Client client;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(client.send(request("GET", "/remote")));
  EXPECT_EQ(remotes.size(), 1u);
}

TEST_F(ClientTest, ManyThreadsMayUseOneClient) {
  start();
  Client client;
  std::atomic<int> answered{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        const auto reply = client.send(request("GET", "/echo"));
        if (reply && reply->status == 200) ++answered;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(answered, 160);
}

TEST_F(ClientTest, NobodyThereIsUnavailableAndNamesTheServer) {
  start();
  const auto address = server->addresses()[0];
  const auto there = request("GET", "/secret-path");
  server->stop(Duration{0});
  const auto reply = Client().send(there);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind, ErrorKind::unavailable);
  EXPECT_NE(reply.error().message.find(address + ": the connection was refused"),
            std::string::npos);
  EXPECT_EQ(reply.error().message.find("secret"), std::string::npos);
}

TEST_F(ClientTest, AHostThatIsNotThereIsNamedSo) {
  ClientRequest nowhere;
  nowhere.url = "http://no-such-host.invalid:8081/users";  // RFC 6761: never resolves
  const auto reply = Client().send(nowhere);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind, ErrorKind::unavailable);
  EXPECT_EQ(reply.error().message,
            "cannot reach http://no-such-host.invalid:8081: there is no such host");
}

TEST_F(ClientTest, AProxyThatRefusesIsNamed) {
  ASSERT_EQ(::setenv("http_proxy", "http://127.0.0.1:9", 1), 0);
  const auto refused = Client().send({.url = "http://mesh.invalid:8081/x"});
  ::unsetenv("http_proxy");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "cannot reach http://mesh.invalid:8081 through the proxy http://127.0.0.1:9 "
            "($http_proxy): the connection was refused: nothing listens there");
}

TEST_F(ClientTest, ADirectOneAsksNoProxy) {
  ASSERT_EQ(::setenv("http_proxy", "http://127.0.0.1:9", 1), 0);
  const auto reply = Client({.direct = true}).send({.url = "http://mesh.invalid:8081/x"});
  ::unsetenv("http_proxy");
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().message, "cannot reach http://mesh.invalid:8081: there is no such host");
}

TEST_F(ClientTest, AProxyThatWantsACredentialIsNamed) {
  Route route = echo("GET", "/x");
  route.handler = [](std::shared_ptr<const Request>, Responder respond) {
    respond(Response::problem(407, "no"));
  };
  start({route});
  const std::string proxy = "http://" + server->addresses().at(0);
  ASSERT_EQ(::setenv("http_proxy", proxy.c_str(), 1), 0);
  const auto refused = Client().send({.url = "http://mesh.invalid:8081/x"});
  ::unsetenv("http_proxy");
  ASSERT_FALSE(refused) << refused->status;
  EXPECT_EQ(refused.error().message, "cannot reach http://mesh.invalid:8081 through the proxy " +
                                         proxy +
                                         " ($http_proxy): the proxy asks for a credential (407)");
}

TEST_F(ClientTest, AServerThatSpeaksSomethingElseIsNamedSo) {
  const test::RawListener listener;
  std::thread other([&] {
    const int fd = ::accept(listener.fd(), nullptr, nullptr);
    char ignored[1024];
    (void)!::read(fd, ignored, sizeof ignored);
    (void)!::write(fd, "220 mail ready\r\n", 16);
    ::close(fd);
  });
  ClientRequest asked;
  asked.url = listener.url() + "/users";
  const auto reply = Client().send(asked);
  other.join();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind, ErrorKind::unavailable);
  EXPECT_TRUE(reply.error().message.ends_with(": it does not speak HTTP")) << reply.error().message;
}

TEST_F(ClientTest, ASlowAnswerIsATimeout) {
  start({kept("/kept")});
  auto slow = request("POST", "/kept", "x");
  slow.timeout = Duration{50};
  const auto reply = Client().send(slow);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind, ErrorKind::timeout);
}

// It was told as a server that could not be connected to.
TEST_F(ClientTest, ASlowAnswerOnAConnectionThatIsUsedAgainIsATimeoutToo) {
  start({echo("POST", "/echo"), kept("/kept")});
  Client client;
  ASSERT_TRUE(client.send(request("POST", "/echo")));
  auto slow = request("POST", "/kept", "x");
  slow.timeout = Duration{50};
  const auto reply = client.send(slow);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind, ErrorKind::timeout) << reply.error().to_string();
}

TEST_F(ClientTest, ALargeAnswerIsRefused) {
  Route route = echo("GET", "/large");
  route.handler = [](std::shared_ptr<const Request>, Responder respond) {
    respond(Response::text(200, std::string(100'000, 'x')));
  };
  start({route});
  ClientOptions bounded;
  bounded.max_response_bytes = 99'999;
  const auto reply = Client(bounded).send(request("GET", "/large"));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind, ErrorKind::too_large);
}

TEST_F(ClientTest, RedirectsAreNotFollowed) {
  Route route = echo("GET", "/old");
  route.handler = [](std::shared_ptr<const Request>, Responder respond) {
    respond(Response::text(302, "").with("Location", "/echo"));
  };
  start({route});
  EXPECT_EQ(Client().send(request("GET", "/old"))->status, 302);
}

TEST_F(ClientTest, OnlyHttpUrlsAndCleanHeadersAreSent) {
  Client client;
  for (const auto* bad : {"file:///etc/passwd", "ftp://127.0.0.1/", "not a url"}) {
    const auto reply = client.send({"GET", bad, {}, "", {}});
    ASSERT_FALSE(reply) << bad;
    EXPECT_EQ(reply.error().kind, ErrorKind::invalid) << bad;
  }
  const auto split = client.send({"GET", "http://127.0.0.1:1/", {{"X-A", "a\r\nX-B: b"}}, "", {}});
  ASSERT_FALSE(split);
  EXPECT_EQ(split.error().kind, ErrorKind::invalid);
}

}  // namespace
}  // namespace mesh::http
