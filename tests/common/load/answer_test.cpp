#include "common/load/answer.h"

#include <gtest/gtest.h>

#include <string>

namespace mesh::load {
namespace {

using State = AnswerHead::State;

TEST(AnswerHead, ReadsStatusAndLength) {
  const std::string head = "HTTP/1.1 202 Accepted\r\nDate: x\r\nContent-Length: 12\r\n\r\n";
  const auto answer = read_head(head + "{\"a\": \"b\\r\"}");
  EXPECT_EQ(answer.state, State::whole);
  EXPECT_EQ(answer.status, 202);
  EXPECT_EQ(answer.head_bytes, head.size());
  EXPECT_EQ(answer.body_bytes, 12u);
  EXPECT_FALSE(answer.closes);
}

TEST(AnswerHead, IsPartialUntilItsEmptyLine) {
  const std::string whole = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  for (std::size_t n = 0; n < whole.size(); ++n) {
    EXPECT_EQ(read_head(whole.substr(0, n)).state, State::partial) << n;
  }
  EXPECT_EQ(read_head(whole).state, State::whole);
}

TEST(AnswerHead, FieldNamesMayBeOfAnyCase) {
  const auto answer =
      read_head("HTTP/1.1 400 Bad Request\r\nCONTENT-LENGTH: 3\r\nconnection: Close\r\n\r\n");
  EXPECT_EQ(answer.body_bytes, 3u);
  EXPECT_TRUE(answer.closes);
}

TEST(AnswerHead, NoContentNeedsNoLength) {
  EXPECT_EQ(read_head("HTTP/1.1 204 No Content\r\n\r\n").state, State::whole);
}

TEST(AnswerHead, WithoutALengthIsUnreadable) {
  EXPECT_EQ(read_head("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").state,
            State::unreadable);
  EXPECT_EQ(read_head("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n").state, State::unreadable);
  EXPECT_EQ(read_head("no http\r\n\r\n").state, State::unreadable);
}

}  // namespace
}  // namespace mesh::load
