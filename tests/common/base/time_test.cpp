#include "common/base/time.h"

#include <gtest/gtest.h>

namespace mesh {
namespace {

Timestamp at(std::int64_t milliseconds) {
  return Timestamp{std::chrono::milliseconds{milliseconds}};
}

TEST(Rfc3339, FormatsUtcWithMilliseconds) {
  EXPECT_EQ(format_rfc3339(at(0)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_rfc3339(at(1795249920123)), "2026-11-21T08:32:00.123Z");
  EXPECT_EQ(format_rfc3339(at(-1)), "1969-12-31T23:59:59.999Z");
}

TEST(Rfc3339, ReadsOffsetsFractionsAndLowerCase) {
  const auto expected = at(1795249920123);
  for (const char* text : {"2026-11-21T08:32:00.123Z", "2026-11-21t08:32:00.1239999z",
                           "2026-11-21 08:32:00.123Z", "2026-11-21T10:02:00.123+01:30",
                           "2026-11-20T20:32:00.123-12:00", "2026-11-21T08:32:00.123-00:00"}) {
    EXPECT_EQ(parse_rfc3339(text).value(), expected) << text;
  }
  EXPECT_EQ(parse_rfc3339("2026-11-21T08:32:00.1Z").value(), at(1795249920100));
  EXPECT_EQ(parse_rfc3339("2024-02-29T00:00:00Z").value(), at(1709164800000));
}

TEST(Rfc3339, ALeapSecondIsTheFirstOfTheNextDay) {
  EXPECT_EQ(parse_rfc3339("2016-12-31T23:59:60Z").value(),
            parse_rfc3339("2017-01-01T00:00:00Z").value());
  EXPECT_EQ(parse_rfc3339("2017-01-01T00:59:60+01:00").value(),
            parse_rfc3339("2017-01-01T00:00:00Z").value());
  EXPECT_FALSE(parse_rfc3339("2016-12-31T12:59:60Z"));
}

TEST(Rfc3339, RefusesWhatIsNotADateTime) {
  for (const char* text : {"",
                           "2026",
                           "2026-11-21",
                           "2026-11-21T08:32:00",
                           "2026-11-21T08:32Z",
                           "2026-13-01T00:00:00Z",
                           "2026-02-29T00:00:00Z",
                           "2026-11-21T24:00:00Z",
                           "2026-11-21T08:60:00Z",
                           "2026-11-21T08:32:61Z",
                           "2026-11-21T08:32:00.Z",
                           "2026-11-21T08:32:00+0100",
                           "2026-11-21T08:32:00+24:00",
                           "2026-11-21T08:32:00+01:60",
                           "2026-11-21T08:32:00Zx",
                           "2026-11-21T08:32:00+01:00x",
                           "2026-11-21T08:32:00+01:0",
                           "2026/11/21T08:32:00Z",
                           "20261121T083200Z",
                           "+026-11-21T08:32:00Z",
                           "2026-11-21X08:32:00Z"}) {
    const auto parsed = parse_rfc3339(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().kind, ErrorKind::invalid);
  }
}

TEST(Rfc3339, AnOffsetDoesNotLeadOutOfTheYearsThatCanBeWritten) {
  EXPECT_FALSE(parse_rfc3339("0000-01-01T00:00:00+00:01"));
  EXPECT_FALSE(parse_rfc3339("9999-12-31T23:59:59-00:01"));
  EXPECT_FALSE(parse_rfc3339("9999-12-31T23:59:60Z"));
  EXPECT_TRUE(parse_rfc3339("0000-01-01T00:00:00Z"));
  EXPECT_TRUE(parse_rfc3339("9999-12-31T23:59:59.999Z"));
}

TEST(Rfc3339, RoundTripsOverCenturies) {
  for (std::int64_t ms = -30'000'000'000'000; ms < 200'000'000'000'000; ms += 77'777'777'777) {
    ASSERT_EQ(parse_rfc3339(format_rfc3339(at(ms))).value(), at(ms));
  }
}

TEST(DurationText, ReadsUnitsInFallingOrder) {
  EXPECT_EQ(parse_duration("75s").value(), Duration{75'000});
  EXPECT_EQ(parse_duration("1h30m").value(), Duration{5'400'000});
  EXPECT_EQ(parse_duration("250ms").value(), Duration{250});
  EXPECT_EQ(parse_duration("7d").value(), Duration{604'800'000});
  EXPECT_EQ(parse_duration("1w1d1h1m1s1ms").value(), Duration{694'861'001});
  EXPECT_EQ(parse_duration("0").value(), Duration{0});
  EXPECT_EQ(parse_duration("3650d").value(), Duration{std::chrono::hours{24 * 3650}});
}

TEST(DurationText, RefusesEverythingElse) {
  for (const char* text :
       {"", "s", "10", "-5s", "+5s", "5 s", "5s ", "1.5h", "1m1h", "1m1m", "5y", "3651d",
        "3650d1ms", "99999999999999999999s", "9223372036854775807w", "5S", "1h-5m"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(DurationText, FormatIsWhatParseReadsBack) {
  EXPECT_EQ(format_duration(Duration{5'400'000}), "1h30m");
  EXPECT_EQ(format_duration(Duration{604'800'000}), "7d");
  EXPECT_EQ(format_duration(Duration{0}), "0s");
  EXPECT_EQ(format_duration(Duration{90'061'001}), "1d1h1m1s1ms");
  for (std::int64_t ms = 0; ms < 3650LL * 86'400'000; ms += 12'345'678'901) {
    EXPECT_EQ(parse_duration(format_duration(Duration{ms})).value(), Duration{ms});
  }
}

TEST(SizeText, ReadsBinaryAndDecimalUnits) {
  EXPECT_EQ(parse_size("1MiB").value(), 1u << 20);
  EXPECT_EQ(parse_size("10GiB").value(), 10ull << 30);
  EXPECT_EQ(parse_size("512KiB").value(), 512u << 10);
  EXPECT_EQ(parse_size("4096").value(), 4096u);
  EXPECT_EQ(parse_size("4096B").value(), 4096u);
  EXPECT_EQ(parse_size("1MB").value(), 1'000'000u);
}

TEST(SizeText, RefusesEverythingElse) {
  for (const char* text : {"", "MiB", "-1", "+1", "1.5MiB", "1 MiB", "1mib", "1M", "99999999TiB",
                           "18446744073709551616"}) {
    EXPECT_FALSE(parse_size(text)) << text;
  }
}

TEST(SizeText, FormatsForPeople) {
  EXPECT_EQ(format_size(0), "0 B");
  EXPECT_EQ(format_size(1023), "1023 B");
  EXPECT_EQ(format_size(1536 * 1024), "1.5 MiB");
  EXPECT_EQ(format_size((1ull << 20) - 1), "1.0 MiB");
  EXPECT_EQ(format_size(~std::uint64_t{0}), "16.0 EiB");
}

}  // namespace
}  // namespace mesh
