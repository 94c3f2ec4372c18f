#include "common/http/router.h"

#include <gtest/gtest.h>

#include <deque>

namespace mesh::http {
namespace {

class RouterTest : public ::testing::Test {
 protected:
  Status add(std::string method, std::string pattern) {
    Route& route = routes_.emplace_back();
    route.method = std::move(method);
    route.pattern = std::move(pattern);
    route.handler = [](std::shared_ptr<const Request>, Responder) {};
    return router.add(route);
  }
  std::string found(std::string_view method, std::string_view path) const {
    const auto match = router.find(method, path);
    return match.route == nullptr ? "none" : match.route->method + " " + match.route->pattern;
  }
  Router router;

 private:
  std::deque<Route> routes_;
};

TEST_F(RouterTest, LiteralSegmentsComeBeforeParameters) {
  ASSERT_TRUE(add("POST", "/users/{id}"));
  ASSERT_TRUE(add("POST", "/users/create"));
  EXPECT_EQ(found("POST", "/users/create"), "POST /users/create");
  EXPECT_EQ(found("POST", "/users/7"), "POST /users/{id}");
  EXPECT_EQ(found("POST", "/users"), "none");
  EXPECT_EQ(found("POST", "/users/7/x"), "none");
}

TEST_F(RouterTest, ALiteralDeadEndFallsBackToTheParameter) {
  ASSERT_TRUE(add("GET", "/a/literal/x"));
  ASSERT_TRUE(add("GET", "/a/{p}/{q}"));
  const auto match = router.find("GET", "/a/literal/y");
  ASSERT_NE(match.route, nullptr);
  EXPECT_EQ(match.params,
            (std::vector<std::pair<std::string, std::string>>{{"p", "literal"}, {"q", "y"}}));
}

TEST_F(RouterTest, TheMostLiteralPatternDecidesAboutTheMethods) {
  ASSERT_TRUE(add("POST", "/users/create"));
  ASSERT_TRUE(add("GET", "/users/{id}"));
  for (const char* method : {"GET", "PUT"}) {
    const auto match = router.find(method, "/users/create");
    EXPECT_EQ(match.route, nullptr);
    EXPECT_EQ(match.allow, "OPTIONS, POST");
  }
  EXPECT_EQ(router.find("PUT", "/users/7").allow, "GET, HEAD, OPTIONS");
}

TEST_F(RouterTest, ParametersAreDecodedAndMayHoldASlash) {
  ASSERT_TRUE(add("GET", "/researcher/{name}"));
  const auto match = router.find("GET", "/researcher/Dr.%20Jane%2FSmith");
  ASSERT_NE(match.route, nullptr);
  EXPECT_EQ(match.params[0].second, "Dr. Jane/Smith");
  EXPECT_EQ(found("GET", "/researcher/"), "none");
  EXPECT_EQ(found("GET", "/researcher/%zz"), "none");
}

TEST_F(RouterTest, EncodedLiteralsMatchToo) {
  ASSERT_TRUE(add("GET", "/users"));
  EXPECT_EQ(found("GET", "/%75sers"), "GET /users");
  EXPECT_EQ(found("GET", "/users/"), "none");
  EXPECT_EQ(found("GET", "/Users"), "none");
}

TEST_F(RouterTest, HeadFindsTheGetRoute) {
  ASSERT_TRUE(add("GET", "/users"));
  EXPECT_EQ(found("HEAD", "/users"), "GET /users");
}

TEST_F(RouterTest, AnotherMethodNamesThoseOfThePath) {
  ASSERT_TRUE(add("GET", "/users/{id}"));
  ASSERT_TRUE(add("PATCH", "/users/{user}"));
  const auto match = router.find("DELETE", "/users/1");
  EXPECT_EQ(match.route, nullptr);
  EXPECT_EQ(match.allow, "GET, HEAD, OPTIONS, PATCH");
  EXPECT_EQ(router.find("DELETE", "/nowhere").allow, "");
}

TEST_F(RouterTest, RoutesThatMatchTheSameRequestsAreRefused) {
  ASSERT_TRUE(add("GET", "/users/{id}"));
  const auto again = add("GET", "/users/{name}");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::internal);
  EXPECT_NE(again.error().cause.find("/users/{id}"), std::string::npos);
}

TEST_F(RouterTest, MalformedPatternsAreRefused) {
  for (const auto* pattern : {"users", "/a/{b", "/a/x{b}", "/{a}/{a}", "/a%20b", "/a/{}"}) {
    EXPECT_FALSE(add("GET", pattern)) << pattern;
  }
}

}  // namespace
}  // namespace mesh::http
