#include "common/http/retry_after.h"

#include <gtest/gtest.h>

#include "common/base/time.h"

namespace mesh::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::optional<Duration> of(const char* value) {
  Response response;
  response.headers = {{"Content-Type", "text/plain"}, {"retry-after", value}};
  return retry_after(response, parse_rfc3339("2026-01-01T00:00:00.250Z").value());
}

TEST(RetryAfter, IsOfSecondsOrUntilADate) {
  EXPECT_EQ(of("20"), seconds(20));
  EXPECT_EQ(of(" 0 "), seconds(0));
  EXPECT_EQ(of("1.5"), milliseconds(1'500));
  EXPECT_EQ(of("Thu, 01 Jan 2026 00:00:20 GMT"), milliseconds(19'750));
  EXPECT_EQ(of("Wed, 31 Dec 2025 23:59:59 GMT"), seconds(0)) << "it has passed";
}

TEST(RetryAfter, WhatDoesNotReadSaysNothing) {
  for (const char* value : {"", "soon", "-1", "nan", "1e30", "2026-01-01T00:00:20Z"}) {
    EXPECT_FALSE(of(value)) << value;
  }
  EXPECT_FALSE(retry_after(Response{}, {}));
}

}  // namespace
}  // namespace mesh::http
