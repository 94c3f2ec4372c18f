#include "daemon/console/sessions.h"

#include <gtest/gtest.h>

#include "common/base/json.h"
#include "tests/support/manual_clock.h"

namespace mesh::console {
namespace {

http::Request asking(std::string host, std::string cookie = {}) {
  http::Request request;
  request.method = "GET";
  request.headers = {{"Host", std::move(host)}};
  if (!cookie.empty()) request.headers.emplace_back("Cookie", std::move(cookie));
  return request;
}

// name=value of Set-Cookie
std::string pair_of(const std::string& set_cookie) {
  return set_cookie.substr(0, set_cookie.find(';'));
}

class SessionsTest : public testing::Test {
 protected:
  SessionsTest() { sessions_.change_key(derive_key("a token", "sessions")); }
  std::string begin(const Restrictions& restrictions = {}) {
    return pair_of(
        sessions_.cookie(asking("localhost:9090"), sessions_.begin({"jane", restrictions}), false));
  }
  std::optional<Session> of(const std::string& cookie) const {
    return sessions_.of(asking("localhost:9090", cookie));
  }

  ManualClock clock_;
  config::Console config_;
  Sessions sessions_{config_, clock_};
};

TEST_F(SessionsTest, ABrowserIsKnownByItsCookieUntilItsTimeIsUp) {
  const auto cookie = begin();
  ASSERT_TRUE(of(cookie));
  EXPECT_EQ(of(cookie)->user, "jane");
  EXPECT_TRUE(of("a=1; " + cookie + "; b=2")) << "among others";
  EXPECT_FALSE(of(""));
  EXPECT_FALSE(of(cookie.substr(0, cookie.size() - 2))) << "cut";
  EXPECT_FALSE(of("mesh_console_9090="));
  clock_.advance(config_.session - Duration(1));
  EXPECT_TRUE(of(cookie));
  clock_.advance(Duration(1));
  EXPECT_FALSE(of(cookie));
}

TEST_F(SessionsTest, ItIsOfOnePortSinceBrowsersGiveCookiesToAll) {
  const auto cookie = begin();
  EXPECT_EQ(cookie.substr(0, cookie.find('=')), "mesh_console_9090");
  EXPECT_FALSE(sessions_.of(asking("localhost:9091", cookie)));
  const auto name = [&](const std::string& host) {
    return Sessions::end_cookie(asking(host), false).substr(0, 18);
  };
  EXPECT_EQ(name("[::1]:8443"), "mesh_console_8443=");
  EXPECT_EQ(name("[::1]"), "mesh_console=; Pat");
  EXPECT_EQ(name("mesh.example.org"), "mesh_console=; Pat");
  EXPECT_EQ(name("mesh:x"), "mesh_console=; Pat");
}

TEST_F(SessionsTest, NoScriptAndNoOtherSiteHasIt) {
  const auto session = sessions_.begin({});
  const auto plain = sessions_.cookie(asking("localhost:9090"), session, false);
  EXPECT_TRUE(plain.ends_with("; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200")) << plain;
  EXPECT_TRUE(sessions_.cookie(asking("localhost:9090"), session, true).ends_with("; Secure"));
}

TEST_F(SessionsTest, AnotherOperatorsTokenEndsAll) {
  const auto cookie = begin();
  const auto code = sessions_.make_code({});
  sessions_.change_key(derive_key("another", "sessions"));
  EXPECT_FALSE(of(cookie));
  EXPECT_FALSE(sessions_.read_code(code));
}

TEST_F(SessionsTest, AnotherProcessWithTheSameTokenKnowsIt) {
  Sessions other{config_, clock_};
  EXPECT_FALSE(other.of(asking("localhost:9090", begin()))) << "without a key nobody is known";
  other.change_key(derive_key("a token", "sessions"));
  EXPECT_TRUE(other.of(asking("localhost:9090", begin())));
}

TEST_F(SessionsTest, TheConfigurationRestrictsThoseToo_ThatBeganBefore) {
  const auto cookie = begin({false, true});
  config::Console strict;
  strict.read_only = true;
  Sessions restarted{strict, clock_};
  restarted.change_key(derive_key("a token", "sessions"));
  const auto session = restarted.of(asking("localhost:9090", cookie));
  ASSERT_TRUE(session);
  EXPECT_TRUE(session->restrictions.read_only);
  EXPECT_TRUE(session->restrictions.hides_payloads);
  config::Console off;
  off.enabled = false;
  Sessions none{off, clock_};
  none.change_key(derive_key("a token", "sessions"));
  EXPECT_FALSE(none.of(asking("localhost:9090", cookie)));
}

TEST_F(SessionsTest, ACodeIsNoCookieAndNoCookieACode) {
  const auto code = sessions_.make_code({"jane", {true, false}});
  EXPECT_NE(code, sessions_.make_code({"jane", {true, false}}));
  const auto read = sessions_.read_code(code);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->user, "jane");
  EXPECT_TRUE(read->restrictions.read_only);
  EXPECT_FALSE(read->restrictions.hides_payloads);
  EXPECT_FALSE(of("mesh_console_9090=" + code));
  const auto cookie = begin();
  EXPECT_FALSE(sessions_.read_code(cookie.substr(cookie.find('=') + 1)));
  clock_.advance(kCodeLifetime);
  EXPECT_FALSE(sessions_.read_code(code));
}

// What an earlier meshd gave out says nothing of who began it.
TEST_F(SessionsTest, CookiesAndCodesOfAnEarlierFormAreUnknown) {
  const Seal seal(derive_key("a token", "sessions"));
  const auto until = std::chrono::duration_cast<Duration>(clock_.now().time_since_epoch()).count();
  const std::string members = dump(Json{
      {"read_only", false}, {"hides_payloads", false}, {"until", until + 10'000}, {"nonce", "n"}});
  EXPECT_FALSE(of("mesh_console_9090=" + seal.close(members, "session 1")));
  EXPECT_FALSE(sessions_.read_code(seal.close(members, "code 1")));
}

TEST(CheckSession, EachRestrictionForbidsWhatItIsFor) {
  const auto check = [](const Restrictions& restrictions, const char* method, http::Payloads shows,
                        bool says_so = true, bool read_only = false) {
    http::Request request;
    request.method = method;
    if (says_so) request.headers = {{"mesh-console", "1"}};
    http::Route route;
    route.method = method;
    route.payloads = shows;
    route.read_only = read_only;
    return check_session({"jane", restrictions, {}}, request, route).has_value();
  };
  using http::Payloads;
  EXPECT_TRUE(check({}, "POST", Payloads::shown));
  EXPECT_TRUE(check({}, "GET", Payloads::none, false));
  EXPECT_FALSE(check({}, "POST", Payloads::none, false)) << "a page of another port";
  EXPECT_FALSE(check({}, "DELETE", Payloads::none, false));
  EXPECT_FALSE(check({true, false}, "POST", Payloads::none));
  EXPECT_TRUE(check({true, false}, "POST", Payloads::none, true, true));
  EXPECT_TRUE(check({true, false}, "GET", Payloads::shown));
  EXPECT_FALSE(check({false, true}, "GET", Payloads::shown));
  EXPECT_TRUE(check({false, true}, "GET", Payloads::omitted));
  EXPECT_TRUE(check({false, true}, "POST", Payloads::none));
}

}  // namespace
}  // namespace mesh::console
