#include "common/domain/usage.h"

#include <gtest/gtest.h>

#include "common/base/time.h"

namespace mesh {
namespace {

const TenantId kAcme = TenantId::parse("acme").value();

Timestamp at(const char* text) { return parse_rfc3339(text).value(); }

UsageIncrement increment() {
  UsageIncrement made{"0198c9a0-7c00-7000-8000-00000000abcd",
                      kAcme,
                      at("2026-11-21T08:33:00.010Z"),
                      at("2026-11-21T08:32:00Z"),
                      60,
                      "mesh-0",
                      {}};
  made.amounts[UsageKind::events] = 7;
  made.amounts[UsageKind::chat_tokens] = 900;
  return made;
}

TEST(Usage, AnIncrementIsReadBackFromItsEvent) {
  const auto written = increment();
  const Event event = usage_event(written);
  EXPECT_EQ(event.type, "billing.usage.incremented");
  EXPECT_EQ(event.data,
            R"({"tenantId":"acme","period_start":"2026-11-21T08:32:00.000Z","period_seconds":60,)"
            R"("process":"mesh-0","usage":{"events":7,"chat_tokens":900}})");
  const Record record = to_record(event);
  EXPECT_EQ(record.topic, "billing.events");
  EXPECT_EQ(record.key, "acme");

  const auto read = usage_of(event);
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(read->id, written.id);
  EXPECT_EQ(read->tenant, kAcme);
  EXPECT_EQ(read->time, written.time);
  EXPECT_EQ(read->period_start, written.period_start);
  EXPECT_EQ(read->seconds, 60);
  EXPECT_EQ(read->process, "mesh-0");
  EXPECT_EQ(read->amounts, written.amounts);
}

TEST(Usage, KindsOfANewerProgramArePassedOver) {
  Event event = usage_event(increment());
  event.data.replace(event.data.find("chat_tokens"), 11, "video_calls");
  const auto read = usage_of(event);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->amounts[UsageKind::events], 7);
  EXPECT_EQ(read->amounts[UsageKind::chat_tokens], 0);
}

TEST(Usage, DataThatIsNotOfTheSchemaOrOfAnotherTenantIsRefused) {
  const Event good = usage_event(increment());
  for (const auto& [from, to] : {std::pair("acme", "globex"),
                                 {"\"events\":7", "\"events\":-7"},
                                 {"period_start", "start"},
                                 {"2026-11-21", "21.11.2026"},
                                 {"}}", "}"}}) {
    Event bad = good;
    bad.data.replace(bad.data.find(from), std::string_view(from).size(), to);
    const auto read = usage_of(bad);
    ASSERT_FALSE(read) << bad.data;
    EXPECT_EQ(read.error().kind, ErrorKind::unprocessable);
  }
}

TEST(Usage, AmountsAreAddedUpAndOfLevelsTheHigherOneCounts) {
  UsageAmounts sum, more;
  sum[UsageKind::events] = 5;
  sum[UsageKind::stored_users] = 10;
  more[UsageKind::events] = 2;
  more[UsageKind::stored_users] = 8;
  sum[UsageKind::stored_bytes] = 300;
  more[UsageKind::stored_bytes] = 310;
  sum.add(more);
  EXPECT_EQ(sum[UsageKind::events], 7);
  EXPECT_EQ(sum[UsageKind::stored_users], 10);
  EXPECT_EQ(sum[UsageKind::stored_bytes], 310);
}

TEST(Usage, MinutesHoursAndDaysBeginInUtc) {
  const auto time = at("2026-11-21T08:32:17.123Z");
  EXPECT_EQ(start_of(UsageGrain::minute, time), at("2026-11-21T08:32:00Z"));
  EXPECT_EQ(start_of(UsageGrain::hour, time), at("2026-11-21T08:00:00Z"));
  EXPECT_EQ(start_of(UsageGrain::day, time), at("2026-11-21T00:00:00Z"));
}

}  // namespace
}  // namespace mesh
