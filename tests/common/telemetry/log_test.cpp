#include "common/telemetry/log.h"

#include <gtest/gtest.h>

#include <cmath>
#include <thread>

#include "common/base/json.h"
#include "common/base/strings.h"
#include "common/telemetry/log_line.h"
#include "common/telemetry/recent_log.h"

namespace mesh::log {
namespace {

const Timestamp kTime{std::chrono::milliseconds{1'767'225'600'123}};

// What the process writes to stderr while `act` runs.
template <typename F>
std::string stderr_of(F act) {
  testing::internal::CaptureStderr();
  act();
  flush();
  return testing::internal::GetCapturedStderr();
}

class Log : public testing::Test {
 protected:
  ~Log() override { configure(Level::info, Format::text); }
};

TEST_F(Log, AJsonLineHoldsTimeLevelMessageAndFieldsInOrder) {
  EXPECT_EQ(json_line(kTime, Level::warn, "slow", {{"tenant", "acme"}, {"ms", 12}, {"ok", true}}),
            R"({"time":"2026-01-01T00:00:00.123Z","level":"warn","message":"slow",)"
            R"("tenant":"acme","ms":12,"ok":true})");
}

TEST_F(Log, TheLastLinesAreKeptInJsonWhateverTheFormat) {
  configure(Level::info, Format::text);
  (void)stderr_of([] {
    for (int i = 0; i < 1005; ++i) info("kept", {{"n", i}});
    debug("below the level");
    info(std::string(20'000, 'x'));
  });
  const auto lines = recent();
  ASSERT_EQ(lines.size(), 1000u);
  EXPECT_EQ(parse_json(lines.front()).value()["n"], 5);
  EXPECT_EQ(parse_json(lines.back()).value()["n"], 1004);
}

TEST_F(Log, ATextLineQuotesOnlyWhatNeedsIt) {
  EXPECT_EQ(text_line(kTime, Level::info, "listening",
                      {{"address", "127.0.0.1:80"}, {"note", "two words"}, {"empty", ""}}, false),
            "2026-01-01T00:00:00.123Z INFO  listening  "
            "address=127.0.0.1:80 note=\"two words\" empty=\"\"");
}

TEST_F(Log, OnlyColouredTextHoldsEscapeSequences) {
  EXPECT_EQ(text_line(kTime, Level::error, "m", {{"k", "v"}}, false).find('\033'),
            std::string::npos);
  EXPECT_NE(text_line(kTime, Level::error, "m", {{"k", "v"}}, true).find("\033[31mERROR\033[0m"),
            std::string::npos);
}

TEST_F(Log, NobodyForgesALineOrATerminalCommand) {
  const std::string evil =
      "a\r\nlevel=error \033[2J\x7f \xC2\x9B"
      "2J \" \\ \t";
  for (const std::string& line : {json_line(kTime, Level::info, evil, {{"user", evil}}),
                                  text_line(kTime, Level::info, evil, {{"user", evil}}, false)}) {
    EXPECT_TRUE(is_printable(line)) << line;
    EXPECT_EQ(line.find('\t'), std::string::npos);
    EXPECT_EQ(line.find("\xC2\x9B"), std::string::npos);
  }
  const auto parsed = parse_json(json_line(kTime, Level::info, evil, {{"user", evil}}));
  ASSERT_TRUE(parsed.has_value()) << parsed.error().to_string();
  EXPECT_EQ((*parsed)["message"], evil);
  EXPECT_EQ((*parsed)["user"], evil);
}

TEST_F(Log, BytesThatAreNotUtf8StillMakeValidLines) {
  for (const std::string bad : {"\xff\xfe", "\xC2", "a\xE2\x82", "\xED\xA0\x80"}) {
    const auto line = json_line(kTime, Level::info, bad, {{"v", bad}});
    EXPECT_TRUE(is_valid_utf8(line));
    EXPECT_TRUE(parse_json(line).has_value()) << line;
  }
}

TEST_F(Log, UnicodeStaysReadable) {
  EXPECT_NE(json_line(kTime, Level::info, "Grüße 東京", {}).find("Grüße 東京"), std::string::npos);
}

TEST_F(Log, NumbersThatJsonLacksAreQuoted) {
  const auto parsed = parse_json(
      json_line(kTime, Level::info, "m", {{"nan", NAN}, {"inf", -INFINITY}, {"x", 1.5}}));
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ((*parsed)["nan"].type(), Json::value_t::string);
  EXPECT_EQ((*parsed)["inf"], "-inf");
  EXPECT_EQ((*parsed)["x"], 1.5);
}

TEST_F(Log, LinesBelowTheLevelAreNotWritten) {
  configure(Level::warn, Format::json);
  EXPECT_FALSE(enabled(Level::info));
  EXPECT_TRUE(enabled(Level::error));
  const auto text = stderr_of([] {
    info("quiet");
    warn("loud");
  });
  EXPECT_EQ(text.find("quiet"), std::string::npos);
  EXPECT_NE(text.find("loud"), std::string::npos);
}

TEST_F(Log, OffSilencesEverything) {
  configure(Level::off, Format::json);
  EXPECT_EQ(stderr_of([] {
              error("loud");
              write(Level::off, "never");
            }),
            "");
}

TEST_F(Log, LevelAndFormatMayChangeWhileItRuns) {
  configure(Level::info, Format::json);
  EXPECT_EQ(stderr_of([] { info("one"); }).front(), '{');
  configure(Level::info, Format::text);
  EXPECT_NE(stderr_of([] { info("two"); }).find("INFO  two"), std::string::npos);
  set_level(Level::error);
  EXPECT_EQ(stderr_of([] { info("three"); }), "");
}

TEST_F(Log, AutomaticIsJsonWhereNoTerminalReads) {
  const auto text = stderr_of([] {
    configure(Level::info, Format::automatic);
    info("m");
  });
  EXPECT_TRUE(parse_json(trim(text)).has_value()) << text;
}

TEST_F(Log, LinesOfManyThreadsStayWhole) {
  configure(Level::info, Format::json);
  const auto text = stderr_of([] {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([t] {
        for (int i = 0; i < 50; ++i) info("line", {{"thread", t}, {"n", i}});
      });
    }
    for (auto& thread : threads) thread.join();
  });
  int lines = 0;
  for (const auto& line : split(trim(text), '\n')) {
    ASSERT_TRUE(parse_json(line).has_value()) << line;
    ++lines;
  }
  EXPECT_EQ(lines, 200);
}

TEST_F(Log, LevelsAreReadByName) {
  EXPECT_EQ(parse_level("debug").value(), Level::debug);
  EXPECT_EQ(parse_level("off").value(), Level::off);
  const auto bad = parse_level("loud");
  ASSERT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error().kind, ErrorKind::invalid);
  EXPECT_NE(bad.error().message.find("trace, debug, info"), std::string::npos);
}

}  // namespace
}  // namespace mesh::log
