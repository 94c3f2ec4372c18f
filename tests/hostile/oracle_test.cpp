// The judges of the campaign must be able to condemn.
#include "tests/hostile/oracle.h"

#include <gtest/gtest.h>

#include "common/base/strings.h"

namespace mesh::hostile {
namespace {

test::Answer answer_of(int status, std::string body, const std::string& type = "application/json") {
  return {status,
          {{"Date", "d"},
           {"X-Request-Id", "r"},
           {"Cache-Control", "no-store"},
           {"X-Content-Type-Options", "nosniff"},
           {"Content-Type", type}},
          std::move(body),
          false};
}

TEST(Oracle, ASecretIsSeenPlainlyAndWithinBase64) {
  EXPECT_EQ(find_secret("nothing here"), "");
  EXPECT_NE(find_secret("\"name\":\"Known qzsecretname4\""), "");
  for (const std::string before : {"", "u", "us", "users:"}) {
    for (const std::string behind : {"", "1", "12", "123"}) {
      const auto text = before + std::string(kSecret) + "mail" + behind;
      EXPECT_NE(find_secret("cursor=" + base64url_encode(text)), "") << text;
      EXPECT_NE(find_secret(base64_encode(text)), "") << text;
    }
  }
}

TEST(Oracle, WhatMustNotBeAnsweredIsAnOffence) {
  const Shot own{"users", "", true, false, true, ""}, stranger{"users", "", true, false, false, ""},
      admin{"admin", "", true, false, true, ""};
  EXPECT_EQ(offence_of(own, answer_of(200, R"([{"tenantId":"evil"}])")), "");
  EXPECT_NE(offence_of(own, answer_of(200, R"([{"tenantId":"evil"},{"tenantId":"acme"}])")), "");
  EXPECT_NE(offence_of(own, answer_of(200, R"([{"tenantId":"evil"})")), "") << "no JSON";
  EXPECT_NE(offence_of(stranger, answer_of(200, "[]")), "");
  EXPECT_NE(offence_of(admin, answer_of(200, "{}")), "");
  EXPECT_EQ(offence_of(stranger, answer_of(200, "ok\n", "text/plain")), "");
  EXPECT_NE(offence_of(own, answer_of(500, "{}")), "");
  EXPECT_NE(offence_of(own, answer_of(400, "bad", "text/plain")), "");
  const std::string problem =
      R"({"type":"about:blank","title":"t","status":404,"detail":"d","instance":"/","request_id":"r"})";
  EXPECT_EQ(offence_of(own, answer_of(404, problem, "application/problem+json")), "");
  EXPECT_NE(offence_of(own, answer_of(400, problem, "application/problem+json")), "")
      << "another status";
}

TEST(Oracle, BytesThatAreNoAnswerAreMalformed) {
  for (const std::string bytes :
       {"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA\nB: x\r\nContent-Length: 0\r\n\r\n", "garbage\r\n\r\n"}) {
    test::AnswerParser parser;
    test::Answer answer;
    auto buffer = bytes;
    EXPECT_EQ(parser.next(buffer, false, answer), test::AnswerParser::Outcome::malformed) << bytes;
  }
}

}  // namespace
}  // namespace mesh::hostile
