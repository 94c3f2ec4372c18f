// Thousands of connections to a real meshd: idle, busy, slow, half-sent, endless, gone.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "tests/e2e/daemon.h"
#include "tests/hostile/oracle.h"
#include "tests/support/eventually.h"
#include "tests/support/raw_client.h"
#include "tests/support/temp_dir.h"

namespace mesh::hostile {
namespace {

using test::eventually;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kMemoryCounts = false;  // a sanitizer's shadow is not ours
#else
constexpr bool kMemoryCounts = true;
#endif
constexpr std::size_t kKiB = 1024;

// The limit of open files, for this process and for the daemons it starts.
bool may_open(rlim_t files) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= files) return true;
  limit.rlim_cur = std::min(std::max(files, limit.rlim_cur), limit.rlim_max);
  setrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur >= files;
}

std::string get(const std::string& target, const std::string& headers = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer acme:alice\r\n" +
         headers + "\r\n";
}
std::string post(const std::string& target, const std::string& body,
                 const std::string& headers = "") {
  return "POST " + target +
         " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer acme:alice\r\nContent-Type: "
         "application/json\r\n" +
         headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}
std::string user(const std::string& name) {
  return Json{{"email", name + "@acme.dev"}, {"name", name}}.dump();
}

class Connections : public ::testing::Test {
 protected:
  // `http` are further keys of the configuration's part http.
  void start(const std::string& http = "") {
    daemon_ = std::make_unique<e2e::Daemon>(dir_.file("data"), "http: {" + http + "}\n");
    ASSERT_TRUE(daemon_->start()) << daemon_->errors();
    address_ = daemon_->address("users");
  }
  test::RawClient connect(int receive_buffer = 0) {
    return test::RawClient(address_, receive_buffer);
  }
  std::vector<test::RawClient> connect_many(std::size_t n) {
    std::vector<test::RawClient> all;
    all.reserve(n);
    for (std::size_t i = 0; i < n; ++i) all.push_back(connect());
    return all;
  }
  // Each holds its connection until it has sent kRestOfHead; an idle one would make room.
  static constexpr auto kRestOfHead = "Host: localhost\r\nAuthorization: Bearer acme:alice\r\n\r\n";
  std::vector<test::RawClient> busy_ones(std::size_t n) {
    auto all = connect_many(n);
    for (auto& wire : all) EXPECT_EQ(ask(wire, get("/users")), 200);
    for (auto& wire : all) wire.push("GET /users HTTP/1.1\r\n");
    EXPECT_FALSE(served());
    return all;
  }
  static int ask(test::RawClient& wire, const std::string& bytes) {
    const auto received = wire.exchange(bytes, {false});
    return received.answers.size() == 1 ? received.answers[0].status : 0;
  }
  bool served() {
    auto wire = connect();
    return ask(wire, get("/users")) == 200;
  }
  // Of /proc/<pid>/status: "Threads", "VmRSS" (in KiB).
  std::size_t status(const std::string& name) const {
    std::ifstream file("/proc/" + std::to_string(daemon_->pid()) + "/status");
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with(name + ":")) return std::stoul(line.substr(name.size() + 1));
    }
    return 0;
  }
  std::size_t resident_bytes() const { return status("VmRSS") * kKiB; }
  // Of the daemon. Files are opened as the engines need them; only these are connections'.
  std::size_t sockets() const {
    std::size_t n = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator("/proc/" + std::to_string(daemon_->pid()) + "/fd")) {
      std::error_code gone;
      n += std::filesystem::read_symlink(entry, gone).string().starts_with("socket:");
    }
    return n;
  }
  // Also what the process needs once only: buffers of threads, pages of files.
  void warm_up() {
    auto many = connect_many(200);
    for (auto& wire : many) EXPECT_EQ(ask(wire, get("/users")), 200);
    for (auto& wire : many) EXPECT_EQ(ask(wire, get("/users")), 200);
  }

  test::TempDir dir_;
  std::unique_ptr<e2e::Daemon> daemon_;
  std::string address_;
};

TEST_F(Connections, AThousandAreAllServedIdleOrBusy) {
  if (!may_open(3000)) GTEST_SKIP() << "the limit of open files is below 3000";
  start();
  auto all = connect_many(1000);
  for (int round = 0; round < 3; ++round) {
    for (auto& wire : all) ASSERT_EQ(wire.push(get("/users")), get("/users").size());
    for (auto& wire : all) ASSERT_EQ(wire.exchange("", {false}).answers.at(0).status, 200);
  }
  // All at once wait for the disk.
  for (std::size_t i = 0; i < all.size(); ++i)
    all[i].push(post("/users/create", user("u" + std::to_string(i))));
  for (auto& wire : all) ASSERT_EQ(wire.exchange("", {false}).answers.at(0).status, 201);
}

TEST_F(Connections, FiveThousandIdleOnesCostNoThreadAndLittleMemoryAndNobodysAnswer) {
  if (!may_open(6000)) GTEST_SKIP() << "the limit of open files is below 6000";
  start();
  warm_up();
  const auto threads = status("Threads");
  const auto memory = resident_bytes();
  auto idle = connect_many(5000);
  for (auto& wire : idle) ASSERT_EQ(ask(wire, get("/users")), 200);
  const auto grown = resident_bytes() - std::min(resident_bytes(), memory);
  std::printf("idle connections: %zu bytes each\n", grown / idle.size());
  if (kMemoryCounts) {
    EXPECT_LT(grown / idle.size(), 4 * kKiB);
  }
  auto busy = connect_many(64);
  for (int round = 0; round < 50; ++round) {
    for (auto& wire : busy) wire.push(get("/users"));
    for (auto& wire : busy) ASSERT_EQ(wire.exchange("", {false}).answers.at(0).status, 200);
  }
  EXPECT_EQ(status("Threads"), threads);
  for (auto& wire : idle)
    ASSERT_EQ(ask(wire, get("/users")), 200) << "an idle connection stays good";
}

TEST_F(Connections, BeyondTheCapOneIsToldSoAndServedWhenOthersLeave) {
  start("max_connections: 50, header_timeout: 5m");
  auto busy = busy_ones(50);
  for (int i = 0; i < 20; ++i) {
    auto wire = connect();
    const auto received = wire.exchange(post("/users/create", std::string(100'000, ' ')), {false});
    ASSERT_EQ(received.answers.size(), 1u) << "a client that sends at once still reads why";
    const auto& answer = received.answers[0];
    EXPECT_EQ(answer.status, 503);
    EXPECT_TRUE(answer.closes);
    EXPECT_FALSE(answer.header("Retry-After").empty());
    EXPECT_EQ(answer.header("Content-Type"), "application/problem+json");
  }
  for (auto& wire : busy) {
    ASSERT_EQ(ask(wire, kRestOfHead), 200) << "who is in stays in";
  }
  EXPECT_TRUE(served()) << "the longest idle one makes room";
  busy.erase(busy.begin() + 40, busy.end());
  EXPECT_TRUE(eventually([&] { return this->served(); }));
}

TEST_F(Connections, ProbesAndTheAdminListenerAreAnsweredWhereTenantsTookAllConnections) {
  start("max_connections: 50, header_timeout: 5m");
  auto busy = busy_ones(50);
  auto silent = connect_many(400);  // more than have a place beyond the bound
  for (const char* path : {"/livez", "/readyz", "/healthz", "/metrics"}) {
    for (const char* role : {"users", "admin"}) {
      test::RawClient wire(daemon_->address(role));
      EXPECT_EQ(ask(wire, get(path)), 200) << role << path;
    }
  }
  EXPECT_EQ(daemon_->call("admin", "GET", "/admin/v1/topics", daemon_->operator_token()).status,
            200);
}

TEST_F(Connections, AFloodBeyondTheCapIsClosedAndForgotten) {
  if (!may_open(3000)) GTEST_SKIP() << "the limit of open files is below 3000";
  start("max_connections: 50, header_timeout: 5m");
  const auto before = sockets();
  auto busy = busy_ones(50);
  {
    auto flood = connect_many(1000);
    EXPECT_EQ(ask(busy.front(), kRestOfHead), 200);
    // Also while the flood stays: those on their way to a loop are not for long.
    EXPECT_TRUE(eventually([&] { return sockets() <= before + 50 + 256 + 16; })) << sockets();
  }
  busy.clear();
  EXPECT_TRUE(eventually([&] { return sockets() <= before; }));
  EXPECT_TRUE(eventually([&] { return this->served(); }));
}

TEST_F(Connections, ClientsThatSendAByteNowAndThenAreEnded) {
  if (!may_open(2000)) GTEST_SKIP() << "the limit of open files is below 2000";
  start("header_timeout: 1s, body_timeout: 1s");
  auto heads = connect_many(300), bodies = connect_many(300);
  for (auto& wire : bodies)
    wire.push(
        "POST /users/create HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer acme:alice\r\n"
        "Content-Type: application/json\r\nContent-Length: 1000000\r\n\r\n");
  const std::string head =
      "GET /users HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + std::string(1'000'000, 'x');
  std::size_t at = 0;
  const auto ended = [&](std::vector<test::RawClient>& all) {
    std::size_t n = 0;
    for (auto& wire : all) {
      char byte;
      n += ::recv(wire.fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;  // an answer, or the end
    }
    return n;
  };
  // One byte to each in every round, until the server has had enough of all.
  EXPECT_TRUE(eventually([&] {
    for (auto& wire : heads) wire.push(head.substr(at, 1));
    for (auto& wire : bodies) wire.push("x");
    ++at;
    EXPECT_TRUE(served());
    return ended(heads) == heads.size() && ended(bodies) == bodies.size();
  }));
  for (auto* all : {&heads, &bodies}) {
    const auto received = all->front().exchange("", {false});
    ASSERT_EQ(received.answers.size(), 1u);
    EXPECT_EQ(received.answers[0].status, 408);
    EXPECT_TRUE(received.answers[0].closes);
  }
}

TEST_F(Connections, ClientsThatDoNotReadAreEndedAndHoldUpNobody) {
  start("write_timeout: 1s");
  // A large answer: a page of users with long names.
  auto writer = connect();
  for (int i = 0; i < 1000; i += 50) {
    std::string bytes;
    for (int k = i; k < i + 50; ++k)
      bytes += post("/users/create", Json{{"email", "u" + std::to_string(k) + "@acme.dev"},
                                          {"name", std::string(200, 'n')}}
                                         .dump());
    ASSERT_EQ(writer.exchange(bytes, std::vector<bool>(50)).answers.size(), 50u);
  }
  writer.close();
  const auto before = sockets();
  const auto memory = resident_bytes();
  std::vector<test::RawClient> deaf;
  std::string requests;
  for (int i = 0; i < 60; ++i) requests += get("/users?limit=1000");
  for (int i = 0; i < 50; ++i) {
    deaf.push_back(connect(4096));
    deaf.back().push(requests);
  }
  EXPECT_TRUE(eventually([&] { return sockets() > before + 25; }));
  EXPECT_TRUE(served());
  const auto grown = resident_bytes() - std::min(resident_bytes(), memory);
  if (kMemoryCounts) {
    EXPECT_LT(grown, 100 * kKiB * kKiB) << "one answer each";
  }
  EXPECT_TRUE(eventually([&] { return sockets() <= before; })) << "they are ended";
  EXPECT_TRUE(served());
}

TEST_F(Connections, HalfSentAndEndlessRequestsCostBoundedMemory) {
  if (!may_open(4000)) GTEST_SKIP() << "the limit of open files is below 4000";
  start("max_buffered: 16MiB, max_bulk_body: 8MiB");
  warm_up();
  const auto threads = status("Threads");
  const auto memory = resident_bytes();
  const std::string chunk = "400\r\n" + std::string(0x400, 'c') + "\r\n";
  struct Kind {
    std::string name, start, more;
  };
  // Their heads are in order, or nothing of their bodies would be kept.
  const std::string create =
      "POST /users/create HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer acme:alice\r\n"
      "Content-Type: application/json\r\n";
  const std::vector<Kind> kinds{
      {"half a head", "GET /users HTTP/1.1\r\nHost: localhost\r\nX-Half: ", ""},
      {"half a body", create + "Content-Length: 1048576\r\n\r\n{", ""},
      {"endless headers", "GET /users HTTP/1.1\r\nHost: localhost\r\n",
       "X-More: " + std::string(1000, 'h') + "\r\n"},
      {"endless chunks", create + "Transfer-Encoding: chunked\r\n\r\n", chunk},
      {"endless chunk extensions", create + "Transfer-Encoding: chunked\r\n\r\n1;",
       std::string(200, 'e')},
  };
  std::vector<test::RawClient> all;
  for (const auto& kind : kinds) {
    for (int i = 0; i < 200; ++i) {
      all.push_back(connect());
      all.back().push(kind.start);
    }
  }
  // Those that go on send until the server refuses them.
  for (std::size_t k = 2; k < kinds.size(); ++k) {
    for (std::size_t i = 200 * k; i < 200 * (k + 1); ++i) {
      for (int n = 0; n < 2000; ++n) {
        if (all[i].push(kinds[k].more) != kinds[k].more.size()) break;
      }
    }
    EXPECT_TRUE(served()) << kinds[k].name;
  }
  const auto grown = resident_bytes() - std::min(resident_bytes(), memory);
  std::printf("a thousand hostile connections: %zu KiB\n", grown / kKiB);
  if (kMemoryCounts) {
    EXPECT_LT(grown, 64 * kKiB * kKiB);
  }
  EXPECT_EQ(status("Threads"), threads);
  for (const auto& [k, expected] : {std::pair<std::size_t, int>{2, 431}, {4, 400}}) {
    const auto received = all[200 * k + 7].exchange("", {false});
    ASSERT_EQ(received.answers.size(), 1u) << kinds[k].name;
    EXPECT_EQ(received.answers[0].status, expected) << kinds[k].name;
  }
}

// One request of a tail follows all topics and holds a connection, but neither a worker nor a
// thread.
class Tails : public Connections {
 protected:
  static constexpr int kTails = 200, kTopics = 40;

  // A tenant may have 32 topics of its own types.
  static constexpr const char* kTenants[] = {"acme", "beta"};

  void allow_any_type() {
    for (const std::string tenant : kTenants) {
      const Json body{{"id", tenant}, {"name", tenant}, {"allow_unknown_types", true}};
      const auto made = daemon_->call("admin", "POST", "/admin/v1/tenants",
                                      daemon_->operator_token(), body.dump());
      ASSERT_EQ(made.status, 201) << made.body;
    }
  }
  void publish_one_of_each() {
    int topic = 0;
    for (const std::string tenant : kTenants) {
      std::string lines;
      for (int i = 0; i < kTopics / 2; ++i, ++topic) {
        lines +=
            Json{{"type", "topic" + std::to_string(topic) + ".made"}, {"data", {{"n", i}}}}.dump();
        lines += "\n";
      }
      const auto answer = daemon_->call("publisher", "POST", "/api/v1/events", tenant + ":alice",
                                        lines, {{"Content-Type", "application/x-ndjson"}});
      ASSERT_LT(answer.status, 300) << answer.body;
    }
  }
  std::string tail(const std::string& parameters) const {
    return "GET /admin/v1/records?wait=25&limit=1000&" + parameters +
           " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + daemon_->operator_token() +
           "\r\n\r\n";
  }
  bool waiting(int n) {
    return eventually([&] {
      const auto metrics = daemon_->call("admin", "GET", "/metrics", "").body;
      return metrics.find("mesh_http_long_polls " + std::to_string(n) + "\n") != std::string::npos;
    });
  }
  static double seconds_since(std::chrono::steady_clock::time_point begun) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  }
};

TEST_F(Tails, TwoHundredOfFortyTopicsAllGetEveryLine) {
  if (!may_open(2000)) GTEST_SKIP() << "the limit of open files is below 2000";
  start();
  allow_any_type();
  publish_one_of_each();  // makes the topics
  warm_up();
  const auto threads = status("Threads"), before = sockets();
  std::vector<test::RawClient> tails;
  for (int i = 0; i < kTails; ++i) {
    tails.emplace_back(daemon_->address("admin"));
    tails.back().push(tail("from=end"));
  }
  ASSERT_TRUE(waiting(kTails));
  EXPECT_EQ(status("Threads"), threads);
  EXPECT_LE(sockets(), before + kTails + 16);
  // More than there are workers wait; those that have work to do find one.
  EXPECT_EQ(daemon_->call("admin", "GET", "/admin/v1/topics", daemon_->operator_token()).status,
            200);

  const auto begun = std::chrono::steady_clock::now();
  publish_one_of_each();
  for (auto& wire : tails) {
    std::multiset<std::string> seen;
    for (std::string request; seen.size() < kTopics;) {
      const auto received = wire.exchange(request, {false});
      ASSERT_EQ(received.answers.size(), 1u);
      const auto page = Json::parse(received.answers[0].body);
      for (const auto& item : page["items"]) {
        // What was used in a minute that ends meanwhile is an event, too.
        if (item["topic"] != "billing.events") seen.insert(item["topic"].get<std::string>());
      }
      request = tail("cursor=" + page["next"].get<std::string>());
    }
    EXPECT_EQ(seen.size(), std::size_t{kTopics});
    EXPECT_EQ(std::set(seen.begin(), seen.end()).size(), std::size_t{kTopics}) << "each once";
  }
  const double took = seconds_since(begun);
  std::printf("%d tails of %d topics: every line after %.2f s\n", kTails, kTopics, took);
  EXPECT_LT(took, 10) << "a tail that is not told answers after 25 s";
}

TEST_F(Tails, ThoseThatLeaveGiveTheirPlacesUpAtOnce) {
  start("max_waiting: 3");
  {
    std::vector<test::RawClient> tails;
    for (int i = 0; i < 3; ++i) {
      tails.emplace_back(daemon_->address("admin"));
      tails.back().push(tail("from=end"));
    }
    ASSERT_TRUE(waiting(3));
    test::RawClient fourth(daemon_->address("admin"));
    EXPECT_EQ(ask(fourth, tail("from=end")), 503);
    tails.front().leave();
    ASSERT_TRUE(waiting(2));
  }
  const auto begun = std::chrono::steady_clock::now();
  ASSERT_TRUE(waiting(0));
  EXPECT_LT(seconds_since(begun), 10) << "not after the 25 s that they would have waited";
}

TEST_F(Tails, AStopAnswersThemAtOnce) {
  start();
  test::RawClient wire(daemon_->address("admin"));
  wire.push(tail("from=end"));
  ASSERT_TRUE(waiting(1));
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(daemon_->stop(), 0);
  EXPECT_LT(seconds_since(begun), 10) << "not after the 25 s that it would have waited";
  const auto received = wire.exchange("", {false});
  ASSERT_EQ(received.answers.size(), 1u);
  EXPECT_EQ(received.answers[0].status, 200);
  EXPECT_TRUE(received.answers[0].closes);
}

// Clients that connect, ask and keep asking while the process ends: answered, closed or refused.
TEST_F(Connections, AStopUnderLoadResetsNobody) {
  start();
  warm_up();
  std::atomic<bool> stopped = false;
  std::atomic<int> resets = 0, answers = 0, odd = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&, i] {
      while (!stopped) {
        std::optional<test::RawClient> wire;
        try {
          wire.emplace(address_);
        } catch (const std::runtime_error&) {
          return;  // the port is closed: refused
        }
        for (int n = 0; n < 1 + i % 4; ++n) {
          const std::string request = i % 2 == 0 ? get("/users") : get("/users") + get("/health");
          wire->push(request);
          char bytes[65536];
          const auto got = ::recv(wire->fd(), bytes, sizeof bytes, 0);
          if (got < 0) ++resets;
          if (got <= 0) break;
          ++(std::string_view(bytes, 12) == "HTTP/1.1 200" ? answers : odd);
          if (i % 2 == 1) break;  // leaves with the second answer unread, perhaps on its way
        }
        if (i % 2 == 1) wire->finish_sending();
      }
    });
  }
  EXPECT_TRUE(eventually([&] { return answers > 200; }));
  EXPECT_EQ(daemon_->stop(), 0);
  stopped = true;
  for (auto& client : clients) client.join();
  EXPECT_EQ(resets, 0);
  EXPECT_EQ(odd, 0);
}

// Before, four bad tokens with 64 MiB each took all the memory for bodies, and others got 503.
TEST_F(Connections, BodiesBehindABadCredentialCostNobodyAnything) {
  start();
  address_ = daemon_->address("publisher");
  const auto memory = resident_bytes();
  std::vector<test::RawClient> bad;
  for (int i = 0; i < 4; ++i) {
    bad.push_back(connect());
    bad.back().push(
        "POST /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer nonsense\r\n"
        "Content-Type: application/x-ndjson\r\nContent-Length: 67108864\r\n\r\n" +
        std::string(4 * kKiB * kKiB, 'x'));
  }
  const auto held = [&] {
    const auto text = daemon_->call("admin", "GET", "/metrics", "").body;
    const std::string name = "\nmesh_http_buffered_bytes ";
    const auto at = text.find(name);
    return at == text.npos ? -1.0 : std::stod(text.substr(at + name.size()));
  };
  std::string lines;
  while (lines.size() < 256 * kKiB) {
    lines += R"({"type":"analytics.recorded","data":{"user_id":"u","event_type":"e"}})"
             "\n";
  }
  for (int i = 0; i < 4; ++i) {
    const auto posted = daemon_->call("publisher", "POST", "/api/v1/events", "acme:a", lines,
                                      {{"Content-Type", "application/x-ndjson"}});
    EXPECT_EQ(posted.status, 202) << posted.body;
    EXPECT_LE(held(), 1 * kKiB * kKiB) << "only what the good ones hold";
    for (auto& wire : bad) wire.push(std::string(64 * kKiB, 'x'));
  }
  for (auto& wire : bad) {
    const auto received = wire.exchange("", {false});
    ASSERT_EQ(received.answers.size(), 1u);
    EXPECT_EQ(received.answers[0].status, 401);
    EXPECT_TRUE(received.answers[0].closes);
  }
  EXPECT_TRUE(eventually([&] { return held() == 0; }));
  if (kMemoryCounts) {
    EXPECT_LT(resident_bytes() - std::min(resident_bytes(), memory), 128 * kKiB * kKiB);
  }
}

TEST_F(Connections, PipelinedRequestsOfAllKindsAreAnsweredInOrder) {
  // One listener for all, so that quick, deferred and blocking routes mix on one connection.
  daemon_ =
      std::make_unique<e2e::Daemon>(dir_.file("data"),
                                    "listen: {users: 127.0.0.1:0, gateway: 127.0.0.1:0, publisher: "
                                    "127.0.0.1:0, subscriber: 127.0.0.1:0, admin: 127.0.0.1:0}\n");
  ASSERT_TRUE(daemon_->start()) << daemon_->errors();
  for (const auto& [role, kinds] : std::vector<std::pair<std::string, std::vector<std::string>>>{
           {"users", {get("/users"), get("/health"), post("/users/create", "")}},
           {"publisher",
            {post("/api/v1/events/analytics", R"({"user_id":"u","event_type":"e"})"), get("/livez"),
             "POST /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
             "acme:a\r\nContent-Type: application/x-ndjson\r\nContent-Length: 73\r\n\r\n"
             R"({"type":"analytics.recorded","data":{"user_id":"u","event_type":"blk"}})"
             "\n\n"}}}) {
    std::string bytes;
    for (int i = 0; i < 200; ++i) {
      std::string one = kinds[static_cast<std::size_t>(i) % kinds.size()];
      if (one.find("/users/create") != std::string::npos)
        one = post("/users/create", user("p" + std::to_string(i)));
      one.insert(one.find("\r\n") + 2, "X-Request-Id: number-" + std::to_string(i) + "\r\n");
      bytes += one;
    }
    test::RawClient wire(daemon_->address(role));
    const auto received = wire.exchange(bytes, std::vector<bool>(200));
    ASSERT_EQ(received.answers.size(), 200u) << role << " " << received.malformed;
    for (std::size_t i = 0; i < 200; ++i) {
      EXPECT_LT(received.answers[i].status, 300) << received.answers[i].body;
      EXPECT_EQ(received.answers[i].header("X-Request-Id"), "number-" + std::to_string(i));
    }
  }
}

TEST_F(Connections, AClientThatOnlyStopsSendingGetsItsAnswer) {
  start();
  for (int i = 0; i < 50; ++i) {
    auto wire = connect();
    const auto received =
        wire.exchange_to_end(post("/users/create", user("half" + std::to_string(i))));
    ASSERT_EQ(received.answers.size(), 1u);
    EXPECT_EQ(received.answers[0].status, 201);
    EXPECT_TRUE(received.ended);
  }
}

TEST_F(Connections, ClientsThatLeaveAmidTheirWriteLeaveNothingOpen) {
  if (!may_open(2000)) GTEST_SKIP() << "the limit of open files is below 2000";
  start();
  warm_up();
  ASSERT_TRUE(served());
  const auto before = sockets();
  for (int round = 0; round < 5; ++round) {
    auto leaving = connect_many(200);
    for (std::size_t i = 0; i < leaving.size(); ++i) {
      leaving[i].push(
          post("/users/create", user("r" + std::to_string(round) + "-" + std::to_string(i))));
    }
    for (auto& wire : leaving) wire.leave();
  }
  EXPECT_TRUE(eventually([&] { return sockets() <= before; }));
  EXPECT_TRUE(served());
  daemon_->await_idle();
  EXPECT_EQ(daemon_->stop(), 0);
}

TEST_F(Connections, AFloodOfConnectsLeaksNoFileDescriptor) {
  start();
  warm_up();
  EXPECT_TRUE(eventually([&] { return status("Threads") > 0; }));
  const auto before = sockets();
  const std::string bytes = get("/users");
  for (int i = 0; i < 5000; ++i) {
    auto wire = connect();
    switch (i % 5) {
      case 0:
        break;
      case 1:
        wire.push(bytes.substr(0, bytes.size() / 2));
        break;
      case 2:
        wire.push(bytes);
        break;
      case 3:
        ASSERT_EQ(ask(wire, bytes), 200);
        break;
      default:
        wire.push(bytes);
        wire.leave();
    }
  }
  EXPECT_TRUE(eventually([&] { return sockets() <= before; })) << sockets() << " after " << before;
  EXPECT_TRUE(served());
}

}  // namespace
}  // namespace mesh::hostile
