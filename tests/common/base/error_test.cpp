#include "common/base/error.h"

#include <gtest/gtest.h>

namespace mesh {
namespace {

TEST(Error, OnlyOutagesTimeoutsAndLimitsAreRetryable) {
  const auto retryable = [](ErrorKind kind) { return fail(kind, "x").value().retryable(); };
  for (const auto kind : {ErrorKind::unavailable, ErrorKind::timeout, ErrorKind::rate_limited}) {
    EXPECT_TRUE(retryable(kind)) << to_string(kind);
  }
  for (const auto kind :
       {ErrorKind::invalid, ErrorKind::unauthenticated, ErrorKind::forbidden, ErrorKind::not_found,
        ErrorKind::conflict, ErrorKind::too_large, ErrorKind::unsupported, ErrorKind::unprocessable,
        ErrorKind::cancelled, ErrorKind::corrupt, ErrorKind::internal}) {
    EXPECT_FALSE(retryable(kind)) << to_string(kind);
  }
}

TEST(Error, TextNamesKindMessageFieldsAndCause) {
  Error error = fail(ErrorKind::not_found, "no user 7 in tenant acme", "row missing").value();
  EXPECT_EQ(error.to_string(), "not_found: no user 7 in tenant acme (cause: row missing)");
  error.cause.clear();
  error.fields.push_back({"/id", "is unknown"});
  EXPECT_EQ(error.to_string(), "not_found: no user 7 in tenant acme; /id: is unknown");
}

TEST(Error, EveryKindHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (int kind = 0; kind <= static_cast<int>(ErrorKind::internal); ++kind) {
    names.insert(to_string(static_cast<ErrorKind>(kind)));
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(ErrorKind::internal) + 1);
  EXPECT_FALSE(names.contains("unknown"));
}

TEST(Error, PassesThroughResultsOfAnyType) {
  const auto inner = []() -> Result<int> { return fail(ErrorKind::conflict, "taken"); };
  const auto outer = [&]() -> Status {
    auto result = inner();
    if (!result) return fail(result.error());
    return {};
  };
  EXPECT_EQ(outer().error().message, "taken");
}

}  // namespace
}  // namespace mesh
