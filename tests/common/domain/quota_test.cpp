#include "common/domain/quota.h"

#include <gtest/gtest.h>

#include "common/base/time.h"

namespace mesh {
namespace {

TEST(Quota, PeriodsAreDaysAndMonthsInUtc) {
  const auto at = [](const char* text) { return parse_rfc3339(text).value(); };
  const struct {
    Quota quota;
    const char *time, *began, *ends;
  } cases[] = {
      {Quota::events_per_day, "2026-11-21T23:59:59.999Z", "2026-11-21T00:00:00Z",
       "2026-11-22T00:00:00Z"},
      {Quota::bytes_per_day, "2026-11-22T00:00:00Z", "2026-11-22T00:00:00Z",
       "2026-11-23T00:00:00Z"},
      {Quota::chat_tokens_per_day, "2026-11-21T12:00:00Z", "2026-11-21T00:00:00Z",
       "2026-11-22T00:00:00Z"},
      {Quota::embedding_tokens_per_month, "2026-12-31T23:00:00Z", "2026-12-01T00:00:00Z",
       "2027-01-01T00:00:00Z"},
      {Quota::embedding_tokens_per_month, "2028-02-29T00:00:00Z", "2028-02-01T00:00:00Z",
       "2028-03-01T00:00:00Z"},
  };
  for (const auto& [quota, time, began, ends] : cases) {
    const auto period = period_of(quota, at(time));
    ASSERT_TRUE(period);
    EXPECT_EQ(period->began, at(began)) << time;
    EXPECT_EQ(period->ends, at(ends)) << time;
  }
  EXPECT_FALSE(period_of(Quota::stored_users, at("2026-11-21T00:00:00Z")));
}

TEST(Quota, RoundTripsThroughJson) {
  const Quotas quotas{{Quota::events_per_day, 5}, {Quota::embedding_tokens_per_month, 0}};
  EXPECT_EQ(dump(to_json(quotas)), R"({"events_per_day":5,"embedding_tokens_per_month":0})");
  EXPECT_EQ(quotas_from_json(to_json(quotas), ""), quotas);
}

TEST(Quota, NamesEveryFaultWithItsPlace) {
  const auto read = quotas_from_json(
      {{"events_per_day", -1}, {"events_per_hour", 1}, {"stored_users", "7"}}, "/quotas");
  ASSERT_FALSE(read);
  std::vector<std::string> pointers;
  for (const auto& field : read.error().fields) pointers.push_back(field.pointer);
  EXPECT_EQ(pointers, (std::vector<std::string>{"/quotas/events_per_day", "/quotas/events_per_hour",
                                                "/quotas/stored_users"}));
  EXPECT_FALSE(quotas_from_json(7, "/quotas"));
}

}  // namespace
}  // namespace mesh
