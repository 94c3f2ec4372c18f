#include "common/client/problem.h"

namespace mesh::client {
namespace {

http::Response answer(int status, std::string body, http::HeaderList headers = {}) {
  http::Response response;
  response.status = status;
  response.body = std::move(body);
  response.headers = std::move(headers);
  return response;
}

TEST(Problem, EveryKindSurvivesTheWayThroughItsStatus) {
  for (const ErrorKind kind :
       {ErrorKind::invalid, ErrorKind::unauthenticated, ErrorKind::forbidden, ErrorKind::not_found,
        ErrorKind::conflict, ErrorKind::too_large, ErrorKind::unsupported, ErrorKind::unprocessable,
        ErrorKind::rate_limited, ErrorKind::unavailable, ErrorKind::timeout, ErrorKind::internal}) {
    EXPECT_EQ(kind_of_status(http::status_of(kind)), kind) << to_string(kind);
  }
}

TEST(Problem, AnUncertainOneIsKnownByItsType) {
  const Error sent = fail_uncertain("the log went away").value();
  const Error error = error_of(http::Response::problem(sent));
  EXPECT_EQ(error.kind, ErrorKind::uncertain);
  EXPECT_EQ(error.message, sent.message);
  EXPECT_EQ(error.retry_after, std::chrono::seconds(1));
}

TEST(Problem, TheDetailIsTheMessageAndTheRequestIdIsKept) {
  const auto error =
      error_of(answer(404, R"({"title":"Not Found","detail":"no user 7","status":404})",
                      {{"X-Request-ID", "abc"}}));
  EXPECT_EQ(error.kind, ErrorKind::not_found);
  EXPECT_EQ(error.message, "no user 7");
  EXPECT_EQ(error.request_id, "abc");
}

TEST(Problem, TheRequestIdOfTheBodyIsTakenWhereNoHeaderHasOne) {
  EXPECT_EQ(error_of(answer(500, R"({"title":"x","request_id":"r1"})")).request_id, "r1");
}

TEST(Problem, FieldErrorsAndRetryAfterAreKept) {
  const auto error = error_of(
      answer(422, R"({"detail":"bad","errors":[{"pointer":"/email","detail":"is missing"},7]})",
             {{"retry-after", "3"}}));
  ASSERT_EQ(error.fields.size(), 1u);
  EXPECT_EQ(error.fields[0], (FieldError{"/email", "is missing"}));
  EXPECT_EQ(error.retry_after, std::chrono::seconds{3});
}

TEST(Problem, AnAnswerThatIsNoProblemDocumentNamesItsStatus) {
  const auto error = error_of(answer(502, "<html>bad gateway</html>"));
  EXPECT_EQ(error.kind, ErrorKind::unavailable);
  EXPECT_NE(error.message.find("502"), std::string::npos);
}

TEST(NextPage, IsThePathAndQueryOfTheNextLink) {
  EXPECT_EQ(next_page(answer(200, "", {{"Link", "</users?limit=2&cursor=x>; rel=\"next\""}})),
            "/users?limit=2&cursor=x");
  EXPECT_EQ(next_page(answer(200, "", {{"link", "</a>; rel=\"prev\", </b>; rel=\"next\""}})), "/b");
}

TEST(NextPage, NeverLeadsToAnotherHost) {
  EXPECT_EQ(
      next_page(answer(200, "", {{"Link", "<https://evil.example/users?cursor=2>; rel=\"next\""}})),
      "/users?cursor=2");
}

TEST(NextPage, IsNothingAtTheEndOfAList) {
  EXPECT_EQ(next_page(answer(200, "")), std::nullopt);
  EXPECT_EQ(next_page(answer(200, "", {{"Link", "</a>; rel=\"prev\""}})), std::nullopt);
  EXPECT_EQ(next_page(answer(200, "", {{"Link", "nonsense"}})), std::nullopt);
}

}  // namespace
}  // namespace mesh::client
