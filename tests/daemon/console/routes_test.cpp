#include "daemon/console/routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/json.h"
#include "tests/common/http/encode.h"
#include "tests/support/fake_leases.h"
#include "tests/support/manual_clock.h"

namespace mesh::console {
namespace {

using testing::HasSubstr;

constexpr const char* kToken = "the operator's token";

struct Asking {
  std::string method, pattern;
  std::string body = {};
  http::HeaderList headers = {};
  std::string file = {};
  Principal principal = {};
  std::string remote = "192.0.2.1:40000";
};

class ConsoleRoutes : public testing::Test {
 protected:
  ConsoleRoutes() { sessions_.change_key(derive_key("a token", "sessions")); }
  http::RouteTable table(bool built = true, config::Console config = {}) {
    return routes({sessions_, leases_, clock_,
                   built ? std::span<const Asset>(assets_) : std::span<const Asset>(), config,
                   false, "1.2", [](const auto& token) {
                     return token == kToken ? std::optional<std::string>("operator") : std::nullopt;
                   }});
  }
  static http::Response ask(const http::RouteTable& all, Asking asking) {
    auto request = std::make_shared<http::Request>();
    request->method = asking.method;
    request->headers = std::move(asking.headers);
    request->headers.emplace_back("Host", "localhost:9090");
    request->body = std::move(asking.body);
    request->path_params = {{"file", asking.file}};
    request->principal = asking.principal;
    request->remote = asking.remote;
    http::Response answer;
    for (const auto& route : all) {
      if (route.method != asking.method || route.pattern != asking.pattern) continue;
      route.handler(request, http::Responder([&](http::Response got) { answer = std::move(got); }));
    }
    return answer;
  }
  static std::string header(const http::Response& answer, std::string_view name) {
    for (const auto& [known, value] : answer.headers) {
      if (known == name) return value;
    }
    return {};
  }
  http::Response sign_in(const Json& body) {
    return ask(table(), {"POST", "/console/session", dump(body)});
  }
  std::string code(const Json& body = Json::object(), const Principal& by = {}) {
    const auto answer = ask(table(), {"POST", "/admin/v1/console/codes", dump(body), {}, {}, by});
    EXPECT_EQ(answer.status, 201);
    return Json::parse(answer.body).at("code");
  }

  ManualClock clock_;
  test::FakeLeaseStore leases_{clock_};
  Sessions sessions_{{}, clock_};
  const std::string page_ = http::gzip("<p>page"), script_ = http::gzip("let a;");
  const std::vector<Asset> assets_{{"index.html", "text/html; charset=utf-8", "\"p\"", page_},
                                   {"a-1.js", "text/javascript", "\"s\"", script_}};
};

TEST_F(ConsoleRoutes, APageComesCompressedToWhoTakesThat) {
  const auto packed = ask(table(), {"GET", "/console", "", {{"Accept-Encoding", "br, gzip"}}});
  EXPECT_EQ(packed.body, page_);
  for (const char* odd : {"gzip;", "gzip;q", "gzip;x"}) {
    const auto answer = ask(table(), {"GET", "/console", "", {{"Accept-Encoding", odd}}});
    EXPECT_EQ(answer.body, page_) << odd;
  }
  EXPECT_EQ(header(packed, "Content-Encoding"), "gzip");
  EXPECT_EQ(header(packed, "ETag"), "\"p\"");
  EXPECT_EQ(header(packed, "Cache-Control"), "no-cache");
  EXPECT_THAT(header(packed, "Content-Security-Policy"), HasSubstr("frame-ancestors 'none'"));
  for (const char* takes : {"", "br", "gzip;q=0", "gzip;x=1;q=0"}) {
    const auto plain = ask(table(), {"GET", "/console", "", {{"Accept-Encoding", takes}}});
    EXPECT_EQ(plain.body, "<p>page") << takes;
    EXPECT_EQ(header(plain, "Content-Encoding"), "");
    EXPECT_EQ(header(plain, "ETag"), "\"p-plain\"") << "other bytes have another strong tag";
  }
}

TEST_F(ConsoleRoutes, WhatABrowserHasIsNotSentAgain) {
  const auto again = ask(table(), {"GET",
                                   "/console/{file}",
                                   "",
                                   {{"Accept-Encoding", "gzip"}, {"If-None-Match", "\"x\", \"s\""}},
                                   "a-1.js"});
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(again.body, "");
  EXPECT_THAT(header(again, "Cache-Control"), HasSubstr("immutable"));
  EXPECT_EQ(ask(table(), {"GET", "/console/{file}", "", {}, "b.js"}).status, 404);
}

TEST_F(ConsoleRoutes, TheFrontPageIsForBrowsers) {
  EXPECT_EQ(ask(table(), {"GET", "/", "", {{"Accept", "text/html,*/*;q=0.8"}}}).status, 200);
  EXPECT_EQ(ask(table(), {"GET", "/", "", {{"Accept", "*/*"}}}).status, 404);
}

TEST_F(ConsoleRoutes, WithoutItTheAnswerSaysWhy) {
  EXPECT_THAT(ask(table(false), {"GET", "/console"}).body, HasSubstr("built without its console"));
  config::Console off;
  off.enabled = false;
  EXPECT_THAT(ask(table(true, off), {"GET", "/console"}).body, HasSubstr("console.enabled"));
  EXPECT_EQ(ask(table(true, off), {"POST", "/console/session", R"({"token":"x"})"}).status, 404);
}

TEST_F(ConsoleRoutes, TheTokenBeginsASession) {
  const auto begun = sign_in({{"token", kToken}, {"read_only", true}});
  EXPECT_EQ(begun.status, 200);
  EXPECT_EQ(Json::parse(begun.body), Json({{"signed_in", true},
                                           {"read_only", true},
                                           {"hides_payloads", false},
                                           {"may_export", true},
                                           {"version", "1.2"},
                                           {"user", "operator"},
                                           {"expires_at", "2026-01-01T12:00:00.000Z"}}));
  const auto cookie = header(begun, "Set-Cookie");
  const auto seen = ask(
      table(), {"GET", "/console/session", "", {{"Cookie", cookie.substr(0, cookie.find(';'))}}});
  EXPECT_EQ(Json::parse(seen.body), Json::parse(begun.body));
  EXPECT_EQ(Json::parse(ask(table(), {"GET", "/console/session"}).body)["signed_in"], false);
  EXPECT_THAT(header(ask(table(), {"DELETE", "/console/session"}), "Set-Cookie"),
              HasSubstr("Max-Age=0"));
}

TEST_F(ConsoleRoutes, NothingElseDoes) {
  EXPECT_EQ(sign_in({{"token", "acme:me"}}).status, 401);
  EXPECT_EQ(sign_in({{"code", "x"}}).status, 401);
  EXPECT_EQ(sign_in(Json::object()).status, 422);
  EXPECT_EQ(sign_in({{"token", kToken}, {"code", code()}}).status, 422);
  EXPECT_EQ(sign_in({{"token", kToken}, {"admin", true}}).status, 422);
  EXPECT_EQ(sign_in({{"token", kToken}, {"read_only", "yes"}}).status, 422);
}

TEST_F(ConsoleRoutes, ACodeServesOnceInAllProcesses) {
  Principal jane{Principal::Kind::operator_, {}, "jane"};
  const auto once = code({{"hides_payloads", true}}, jane);
  const auto begun = sign_in({{"code", once}, {"read_only", true}});
  EXPECT_EQ(begun.status, 200);
  const auto session = Json::parse(begun.body);
  EXPECT_EQ(session["user"], "jane") << "who asked for the code";
  EXPECT_EQ(session["hides_payloads"], true) << "as it was made";
  EXPECT_EQ(session["read_only"], true) << "and less where that is asked for";
  EXPECT_EQ(session["may_export"], false) << "nothing to export is shown";
  EXPECT_THAT(sign_in({{"code", once}}).body, HasSubstr("used already"));
  const auto late = code();
  clock_.advance(kCodeLifetime);
  EXPECT_THAT(sign_in({{"code", late}}).body, HasSubstr("not valid any more"));
}

TEST_F(ConsoleRoutes, WhoFailsTooOftenWaitsAndNobodyElseDoes) {
  const auto all = table();
  const auto tries = [&](const std::string& remote, const char* token) {
    return ask(all, {"POST", "/console/session", dump(Json{{"token", token}}), {}, {}, {}, remote});
  };
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(tries("192.0.2.1:" + std::to_string(40'000 + i), "wrong").status, 401) << i;
  }
  const auto refused = tries("192.0.2.1:50000", kToken);
  EXPECT_EQ(refused.status, 429) << "the right one, too: else it could be guessed on";
  EXPECT_EQ(header(refused, "Retry-After"), "6");
  EXPECT_EQ(header(refused, "Set-Cookie"), "");
  EXPECT_EQ(tries("192.0.2.2:40000", kToken).status, 200);
  clock_.advance(Duration{6'000});
  EXPECT_EQ(tries("192.0.2.1:50001", kToken).status, 200);
  EXPECT_EQ(tries("192.0.2.1:50002", "wrong").status, 401) << "who signs in begins anew";
}

// Else whoever shares an operator's address could keep him out.
TEST_F(ConsoleRoutes, ALinkOpensWhereTooManyTriesFailed) {
  const auto all = table();
  const auto made = code();
  const auto sign_in_with = [&](const std::string& code) {
    return ask(all, {"POST", "/console/session", dump(Json{{"code", code}})}).status;
  };
  for (int i = 0; i < 10; ++i) ASSERT_EQ(sign_in_with("guessed"), 401) << i;
  EXPECT_EQ(sign_in_with("guessed"), 429);
  EXPECT_EQ(sign_in_with(made), 200);
}

TEST_F(ConsoleRoutes, WhatIsNoTryIsNotCounted) {
  const auto all = table();
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(ask(all, {"POST", "/console/session", "{}"}).status, 422);
    ASSERT_EQ(ask(all, {"POST", "/console/session", dump(Json{{"token", kToken}})}).status, 200);
  }
}

TEST_F(ConsoleRoutes, ASessionBeginsNoOtherOne) {
  Principal session;
  session.by_session = true;
  EXPECT_EQ(ask(table(), {"POST", "/admin/v1/console/codes", "{}", {}, {}, session}).status, 403);
}

}  // namespace
}  // namespace mesh::console
