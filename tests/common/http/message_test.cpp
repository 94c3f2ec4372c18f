#include "common/http/message.h"

#include <gtest/gtest.h>

#include "common/http/syntax.h"
#include "common/http/wire.h"

namespace mesh::http {
namespace {

TEST(Problem, EveryKindHasItsStatus) {
  const std::vector<std::pair<ErrorKind, int>> expected{
      {ErrorKind::invalid, 400},      {ErrorKind::unauthenticated, 401},
      {ErrorKind::forbidden, 403},    {ErrorKind::not_found, 404},
      {ErrorKind::conflict, 409},     {ErrorKind::too_large, 413},
      {ErrorKind::unsupported, 415},  {ErrorKind::unprocessable, 422},
      {ErrorKind::rate_limited, 429}, {ErrorKind::unavailable, 503},
      {ErrorKind::timeout, 504},      {ErrorKind::cancelled, 503},
      {ErrorKind::corrupt, 500},      {ErrorKind::internal, 500},
      {ErrorKind::uncertain, 503}};
  for (const auto& [kind, status] : expected) {
    const auto response = Response::problem({kind, "It went wrong.", "", {}, {}});
    EXPECT_EQ(response.status, status) << to_string(kind);
    const auto body = Json::parse(response.body);
    EXPECT_EQ(body["status"], status);
    EXPECT_EQ(body["detail"], "It went wrong.");
    EXPECT_EQ(body["type"],
              kind == ErrorKind::uncertain ? kUncertainProblem : std::string_view("about:blank"));
    EXPECT_FALSE(body["title"].get<std::string>().empty());
  }
}

TEST(Problem, TheCauseIsKeptForTheLogOnly) {
  const auto response = Response::problem({ErrorKind::internal, "no", "/var/secret", {}, {}});
  EXPECT_EQ(response.body.find("secret"), std::string::npos);
  EXPECT_EQ(response.log_cause, "/var/secret");
}

TEST(Problem, FieldErrorsAndRetryAfterAreShown) {
  const auto fields =
      Response::problem({ErrorKind::unprocessable, "no", "", {{"/timestamp", "is missing"}}, {}});
  EXPECT_EQ(Json::parse(fields.body)["errors"],
            (Json::array({{{"pointer", "/timestamp"}, {"detail", "is missing"}}})));
  const auto later =
      Response::problem({ErrorKind::unavailable, "no", "", {}, std::chrono::milliseconds(1200)});
  EXPECT_EQ(later.headers.back(), (std::pair<std::string, std::string>{"Retry-After", "2"}));
  const auto uncertain = Response::problem(fail_uncertain("no").value());
  EXPECT_EQ(uncertain.headers.back(), (std::pair<std::string, std::string>{"Retry-After", "1"}));
}

TEST(Request, HeadersAreFoundInAnyCaseAndTheMediaTypeIsBare) {
  Request request;
  request.headers = {{"CONTENT-type", "Application/JSON; charset=utf-8"}};
  EXPECT_EQ(request.header("content-TYPE"), "Application/JSON; charset=utf-8");
  EXPECT_EQ(request.content_type(), "application/json");
  EXPECT_EQ(request.header("X-Other"), std::nullopt);
  EXPECT_EQ(Request().content_type(), "");
}

TEST(MediaType, IsUtf8UnlessItsCharsetIsAnother) {
  for (const char* type :
       {"", "application/json", "application/json;charset=utf-8", "a/b; Charset=\"UTF-8\"",
        "a/b; x=\"; charset=utf-16\"", "a/b; x=\"\\\";charset=utf-16\"; charset=utf8",
        "a/b;charset=US-ASCII;q=1", "a/b; charset", "a/b; xcharset=utf-16", "a/b; charset="}) {
    EXPECT_TRUE(is_utf8_media(type)) << type;
  }
  for (const char* type :
       {"application/json; charset=utf-16", "a/b;charset=\"utf-16\"", "a/b; x=1 ; CHARSET=latin1",
        "a/b;;charset=utf-7;", "a/b; charset=\"u"}) {
    EXPECT_FALSE(is_utf8_media(type)) << type;
  }
}

TEST(Responder, OnlyTheFirstAnswerCounts) {
  std::vector<int> sent;
  {
    const Responder respond([&](Response response) { sent.push_back(response.status); });
    const Responder copy = respond;
    copy(Response::no_content());
    respond(Error{ErrorKind::internal, "late", "", {}, {}});
  }
  EXPECT_EQ(sent, std::vector<int>{204});
}

TEST(Responder, WhoeverDropsItAnswersWith500) {
  std::vector<int> sent;
  {
    const Responder respond([&](Response response) { sent.push_back(response.status); });
  }
  EXPECT_EQ(sent, std::vector<int>{500});
}

TEST(Wire, DatesAreInTheFormOfRfc9110) {
  EXPECT_EQ(http_date(Timestamp(std::chrono::milliseconds(784111777'123))),
            "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(Wire, HeadersThatWouldBreakTheMessageAreLeftOut) {
  std::string out;
  append_response(out,
                  Response::text(200, "hi")
                      .with("X-Evil", "a\r\nSet-Cookie: b")
                      .with("Bad Name", "x")
                      .with("Content-Length", "99")
                      .with("X-Good", "yes"),
                  {});
  EXPECT_EQ(out.find("Cookie"), std::string::npos);
  EXPECT_EQ(out.find("Bad"), std::string::npos);
  EXPECT_EQ(out.find("99"), std::string::npos);
  EXPECT_NE(out.find("X-Good: yes\r\n"), std::string::npos);
  EXPECT_NE(out.find("\r\nContent-Length: 2\r\n"), std::string::npos);
  EXPECT_TRUE(out.ends_with("\r\n\r\nhi"));
}

TEST(Wire, NoContentHasNeitherBodyNorLength) {
  std::string out;
  append_response(out, Response::no_content(), {false, false, {}});
  EXPECT_EQ(out.find("Content-Length"), std::string::npos);
  EXPECT_TRUE(out.ends_with("Connection: close\r\n\r\n"));
}

}  // namespace
}  // namespace mesh::http
