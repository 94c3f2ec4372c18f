#include "common/telemetry/spans.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <future>
#include <set>

#include "tests/support/eventually.h"
#include "tests/support/kept_spans.h"
#include "tests/support/manual_clock.h"

namespace mesh {
namespace {

using test::advance_until;
using test::eventually;
using testing::HasSubstr;

Span span_of(bool sampled, Duration took = {}, std::optional<std::string> error = {}) {
  return {.context = TraceContext::make(sampled),
          .name = "work",
          .start = SteadyTime(std::chrono::hours(1)),
          .end = SteadyTime(std::chrono::hours(1)) + took,
          .error = std::move(error)};
}

// A collector that answers as the test says, and counts what it heard.
class Collector {
 public:
  Result<Spans::Answer> operator()(const std::string& json) {
    std::lock_guard lock(mutex_);
    const auto count = test::otlp_spans(json).size();
    heard_.push_back(count);
    if (answers_.empty()) return Spans::Answer{200, "{}", {}};
    auto answer = std::move(answers_.front());
    answers_.pop_front();
    return answer;
  }
  void answers(std::vector<Result<Spans::Answer>> answers) {
    std::lock_guard lock(mutex_);
    answers_ = {answers.begin(), answers.end()};
  }
  std::vector<std::size_t> heard() const {
    std::lock_guard lock(mutex_);
    return heard_;
  }

 private:
  mutable std::mutex mutex_;
  std::deque<Result<Spans::Answer>> answers_;
  std::vector<std::size_t> heard_;
};

class SpansTest : public testing::Test {
 protected:
  std::unique_ptr<Spans> start(Spans::Options options = {}) {
    return std::make_unique<Spans>(
        std::move(options), [this](const std::string& json, Duration) { return collector(json); },
        clock, metrics);
  }
  bool counts(const std::string& outcome, int n) {
    return metrics.expose().find("mesh_spans_total{outcome=\"" + outcome + "\"} " +
                                 std::to_string(n) + "\n") != std::string::npos;
  }

  ManualClock clock;
  Metrics metrics;
  Collector collector;
};

TEST_F(SpansTest, TheHeadDecidesButForErrorsAndWhatIsSlow) {
  test::KeptSpans kept(clock, {.slow = Duration{1'000}});
  Spans& spans = kept.get();
  std::set<std::string> wanted;
  const auto end = [&](Span span, bool sent) {
    if (sent) wanted.insert(span.context.span_id);
    spans.end(std::move(span));
  };
  end(span_of(true), true);
  end(span_of(false), false);
  end(span_of(false, Duration{1'000}), false);
  end(span_of(false, Duration{1'001}), true);
  end(span_of(false, {}, "it broke"), true);
  std::set<std::string> sent;
  for (const Json& span : kept.all()) sent.insert(span["spanId"].get<std::string>());
  EXPECT_EQ(sent, wanted);
}

TEST_F(SpansTest, AShareOfTracesIsSentAndTheIdAloneDecidesWhich) {
  auto none = start({.sample = 0}), half = start({.sample = 0.5}), all = start({.sample = 1});
  int sampled = 0;
  for (int i = 0; i < 1'000; ++i) {
    const std::string id = TraceContext::make(false).trace_id;
    EXPECT_FALSE(none->samples(id));
    EXPECT_TRUE(all->samples(id));
    EXPECT_EQ(half->samples(id), half->samples(id));
    sampled += half->samples(id);
  }
  EXPECT_GT(sampled, 350);
  EXPECT_LT(sampled, 650);
  EXPECT_TRUE(half->samples("ffffffffffffffffff00000000000000"));
  EXPECT_FALSE(half->samples("00000000000000000080000000000000"));
  EXPECT_TRUE(half->samples("0000000000000000007fffffffffffff"));
}

TEST_F(SpansTest, ASpanIsWhatTheProtocolSays) {
  test::KeptSpans kept(clock, {.resource = {{"service.name", "meshd"}}});
  Span span = span_of(true, Duration{2}, std::string(2'000, 'e'));
  span.parent = "00f067aa0ba902b7";
  span.kind = Span::Kind::consumer;
  span.context.state = "a=1";
  span.attributes = {{"mesh.tenant", "acme"}, {"mesh.attempt", std::int64_t{1} << 60}};
  span.attributes.emplace_back("mesh.bytes", std::string("\xff\xfe"));
  span.links.assign(Span::kMostLinks + 3, TraceContext::make(true));
  const Span copy = span;
  kept.get().end(std::move(span));
  const auto all = kept.all();
  ASSERT_EQ(all.size(), 1u);
  const Json& sent = all.front();
  EXPECT_EQ(sent["traceId"], copy.context.trace_id);
  EXPECT_EQ(sent["parentSpanId"], "00f067aa0ba902b7");
  EXPECT_EQ(sent["kind"], 5);
  // The manual clock begins in 2026, an hour after its steady one.
  EXPECT_EQ(sent["startTimeUnixNano"], "1767225600000000000");
  EXPECT_EQ(sent["endTimeUnixNano"], "1767225600002000000");
  EXPECT_EQ(sent["traceState"], "a=1");
  EXPECT_EQ(sent["links"].size(), Span::kMostLinks);
  EXPECT_EQ(sent["droppedLinksCount"], 3);
  EXPECT_EQ(sent["status"]["code"], 2);
  EXPECT_EQ(sent["status"]["message"].get<std::string>().size(), 512u);
  EXPECT_EQ(test::attribute_of(sent, "mesh.attempt"), "1152921504606846976");
}

// Were the check blind, the tests that use it would say nothing.
TEST(OtlpCheck, RefusesWhatTheProtocolDoesNotHave) {
  const std::string good = otlp_request({span_of(true)}, {{"service.name", "meshd"}}, {});
  ASSERT_EQ(test::otlp_misfit(good), "");
  const auto with = [&](auto change) {
    Json request = Json::parse(good);
    change(request["resourceSpans"][0]["scopeSpans"][0]["spans"][0]);
    return test::otlp_misfit(dump(request));
  };
  EXPECT_NE(with([](Json& span) { span["trace_id"] = span["traceId"]; }), "");
  EXPECT_NE(with([](Json& span) { span["kind"] = "SPAN_KIND_SERVER"; }), "");
  EXPECT_NE(with([](Json& span) { span["startTimeUnixNano"] = 5; }), "");
  EXPECT_NE(with([](Json& span) { span["spanId"] = "0000000000000000"; }), "");
  EXPECT_NE(with([](Json& span) { span["parentSpanId"] = ""; }), "");
  EXPECT_NE(with([](Json& span) { span["endTimeUnixNano"] = "1"; }), "");
  EXPECT_NE(with([](Json& span) {
              span["attributes"] = {{{"key", "a"}, {"value", {{"intValue", 5}}}}};
            }),
            "");
}

TEST_F(SpansTest, WhatFindsTheQueueFullIsDroppedAndCountedAndNobodyWaits) {
  std::promise<void> go;
  auto spans = std::make_unique<Spans>(
      Spans::Options{.most_queued = 3},
      [future = go.get_future().share()](const std::string&, Duration) -> Result<Spans::Answer> {
        future.wait();
        return Spans::Answer{200, "{}", {}};
      },
      clock, metrics);
  // The collector hangs.
  for (int i = 0; i < 5; ++i) spans->end(span_of(true));
  EXPECT_TRUE(counts("dropped", 2));
  go.set_value();
  spans->stop();
  EXPECT_TRUE(counts("sent", 3));
  spans->end(span_of(true));
  EXPECT_TRUE(counts("dropped", 3)) << "after the stop";
}

TEST_F(SpansTest, ABatchIsSentWhenItIsFullOrHasWaited) {
  auto spans = start();
  spans->end(span_of(true));
  EXPECT_TRUE(advance_until(clock, Spans::kRest, [&] { return counts("sent", 1); }));
  for (std::size_t i = 0; i < Spans::kBatch; ++i) spans->end(span_of(true));
  EXPECT_TRUE(eventually([&] { return counts("sent", 1 + static_cast<int>(Spans::kBatch)); }))
      << "without a wait";
}

TEST_F(SpansTest, OnlyWhatMayHelpIsTriedAgain) {
  for (const int status : {429, 502, 503, 504}) {
    collector.answers({Spans::Answer{status, "", {}}});
    auto spans = start();
    const auto before = collector.heard().size();
    spans->end(span_of(true));
    EXPECT_TRUE(advance_until(clock, Duration{1'000}, [&] {
      clock.await_waiters(1);  // else the time to try again may pass before the first try
      return collector.heard().size() == before + 2;
    })) << status;
    spans->stop();
  }
  EXPECT_TRUE(counts("sent", 4));
  for (const int status : {400, 401, 404, 413, 500}) {
    collector.answers({Spans::Answer{status, "", {}}});
    auto spans = start();
    const auto before = collector.heard().size();
    spans->end(span_of(true));
    spans->stop();
    EXPECT_EQ(collector.heard().size(), before + 1) << status;
  }
  EXPECT_TRUE(counts("failed", 5));
}

TEST_F(SpansTest, TheCollectorSaysWhenItIsAskedAgain) {
  collector.answers({Spans::Answer{503, "", Duration{40'000}}});
  auto spans = start();
  for (std::size_t i = 0; i < Spans::kBatch; ++i) spans->end(span_of(true));
  ASSERT_TRUE(eventually([&] { return collector.heard().size() == 1; }));
  clock.await_waiters(1);
  clock.advance(Duration{39'999});
  EXPECT_EQ(collector.heard().size(), 1u);
  clock.advance(Duration{1});
  EXPECT_TRUE(eventually([&] { return counts("sent", static_cast<int>(Spans::kBatch)); }));
}

TEST_F(SpansTest, ACollectorThatIsAwayForLongLosesTheBatch) {
  collector.answers({Spans::Answer{503, "", Spans::kGiveUp + Duration{1}}});
  auto spans = start();
  spans->end(span_of(true));
  EXPECT_TRUE(advance_until(clock, Spans::kRest, [&] { return counts("failed", 1); }));
  EXPECT_EQ(collector.heard().size(), 1u);
}

TEST_F(SpansTest, WhatACollectorRejectsIsCountedAndNotSentAgain) {
  collector.answers(
      {Spans::Answer{200, R"({"partialSuccess":{"rejectedSpans":"2","errorMessage":"no"}})", {}}});
  auto spans = start();
  for (int i = 0; i < 3; ++i) spans->end(span_of(true));
  spans->stop();
  EXPECT_TRUE(counts("sent", 1));
  EXPECT_TRUE(counts("rejected", 2));
  EXPECT_EQ(collector.heard().size(), 1u);
}

TEST_F(SpansTest, AStopSendsWhatIsLeft) {
  auto spans = start();
  for (std::size_t i = 0; i < 2 * Spans::kBatch + 1; ++i) spans->end(span_of(true));
  spans->stop();
  spans->stop();
  EXPECT_TRUE(counts("sent", 2 * static_cast<int>(Spans::kBatch) + 1));
}

TEST_F(SpansTest, AStopDoesNotWaitForACollectorThatIsAway) {
  const Result<Spans::Answer> away = fail(ErrorKind::unavailable, "nobody answers");
  collector.answers(std::vector<Result<Spans::Answer>>(10, away));
  auto spans = start();
  spans->end(span_of(true));
  EXPECT_TRUE(advance_until(clock, Spans::kRest, [&] { return !collector.heard().empty(); }));
  spans->stop();  // the clock stands still: it would hang where it waited
  EXPECT_TRUE(counts("failed", 1));
}

// Each request at a stop takes all of its time: the bound is of all of them together.
TEST_F(SpansTest, AStopIsBounded) {
  Spans spans(
      {},
      [this](const std::string&, Duration timeout) -> Result<Spans::Answer> {
        EXPECT_LE(timeout, Spans::kFlush);
        clock.advance(timeout);
        return fail(ErrorKind::timeout, "no answer");
      },
      clock, metrics);
  for (std::size_t i = 0; i < 4 * Spans::kBatch; ++i) spans.end(span_of(true));
  const auto begun = clock.steady();
  spans.stop();
  EXPECT_LE(clock.steady() - begun, Spans::kTimeout + Spans::kFlush);
  EXPECT_TRUE(counts("failed", 4 * static_cast<int>(Spans::kBatch)));
}

}  // namespace
}  // namespace mesh
