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
  for (int number = 0; number <= static_cast<int>(ErrorKind::internal); ++number) {
    const auto kind = static_cast<ErrorKind>(number);
    names.insert(to_string(kind));
    EXPECT_EQ(error_kind(to_string(kind)), kind);
  }
  EXPECT_EQ(error_kind("no_such_kind"), std::nullopt);
  EXPECT_EQ(names.size(), static_cast<std::size_t>(ErrorKind::internal) + 1);
  EXPECT_FALSE(names.contains("unknown"));
}

TEST(Error, PassesThroughResultsOfAnyType) {
  const auto inner = []() -> Result<int> { return fail(ErrorKind::conflict, "taken"); };
  const auto outer = [&]() -> Status {
    (void)MESH_TRY(inner());
    return {};
  };
  EXPECT_EQ(outer().error().message, "taken");
}

TEST(Error, TryGivesTheValueAndGoesNoFurtherWhereThereIsNone) {
  const auto half = [](int n) -> Result<std::unique_ptr<int>> {
    if (n % 2 != 0) return fail(ErrorKind::invalid, std::to_string(n) + " is odd");
    return std::make_unique<int>(n / 2);
  };
  int reached = 0;
  const auto quarter = [&](int n) -> Result<int> {
    ++reached;
    const auto once = MESH_TRY(half(n));
    ++reached;
    const auto twice = MESH_TRY(half(*MESH_TRY(half(n))));  // one within another
    ++reached;
    EXPECT_EQ(*once, *twice * 2);
    return *twice;
  };
  EXPECT_EQ(quarter(12).value(), 3);
  EXPECT_EQ(reached, 3);
  EXPECT_EQ(quarter(7).error().message, "7 is odd");
  EXPECT_EQ(reached, 4);
  EXPECT_EQ(quarter(6).error().message, "3 is odd");
  EXPECT_EQ(reached, 6);
}

}  // namespace
}  // namespace mesh
