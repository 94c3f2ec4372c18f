// The spans of a pipeline, and of the stage that embeds and indexes.
#include <gtest/gtest.h>

#include "daemon/pipeline/consumer/attempt_spans.h"
#include "daemon/pipeline/consumer/runtime.h"
#include "daemon/pipeline/stages/user_index_stage.h"
#include "tests/daemon/pipeline/events.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_engines.h"
#include "tests/support/fake_event_log.h"
#include "tests/support/fake_stage.h"
#include "tests/support/fake_stores.h"
#include "tests/support/kept_spans.h"
#include "tests/support/manual_clock.h"

namespace mesh::pipeline {
namespace {

using namespace mesh::test;
using Outcome = StageResult::Outcome;

class AttemptSpansTest : public testing::Test {
 protected:
  void start(Stage& with, const std::string& topic) {
    log.ensure(topic, TopicKind::activity);
    log.ensure(topic + ".dlq", TopicKind::activity);
    PipelineOptions options;
    options.name = "some-pipeline";
    options.topics = {topic};
    options.retry = {Duration{1'000}, Duration{1'000}, 3};
    pipeline = std::make_unique<Pipeline>(
        options, with, PipelineDeps{log, log, retries, clock, metrics, nullptr, &kept.get()});
    ASSERT_TRUE(pipeline->start());
  }
  static Event traced(Event event, const TraceContext& context) {
    event.traceparent = context.traceparent();
    return event;
  }
  // Of the trace, in the order in which they ended.
  std::vector<Json> spans_of(const TraceContext& context) {
    pipeline->stop();
    std::vector<Json> found;
    for (Json& span : kept.all()) {
      if (span["traceId"] == context.trace_id) found.push_back(std::move(span));
    }
    return found;
  }

  ManualClock clock;
  Metrics metrics;
  FakeEventLog log{clock};
  FakeRetryStore retries;
  FakeStage stage;
  KeptSpans kept{clock, {.sample = 0}};
  std::unique_ptr<Pipeline> pipeline;
  const TraceContext request = TraceContext::make(true);
};

TEST_F(AttemptSpansTest, EachAttemptIsASpanOfTheTraceThatTheEventBegan) {
  start(stage, "analytics.events");
  stage.answer("e1", Outcome::retry);
  log.append_now(to_record(traced(analytics_event("e1", "7"), request)));
  EXPECT_TRUE(eventually([&] { return pipeline->status().parked == 1; }));
  // In small steps: were an hour over before the second attempt, the event would be history.
  EXPECT_TRUE(advance_until(clock, Duration{10}, [&] { return stage.effects().size() == 1; }));
  EXPECT_TRUE(eventually([&] { return pipeline->status().parked == 0; }));
  const auto spans = spans_of(request);
  ASSERT_EQ(spans.size(), 2u);
  for (const Json& span : spans) {
    EXPECT_EQ(span["name"], "pipeline attempt");
    EXPECT_EQ(span["parentSpanId"], request.span_id);
    EXPECT_EQ(attribute_of(span, "messaging.consumer.group.name"), "some-pipeline");
    EXPECT_EQ(attribute_of(span, "messaging.message.id"), "e1");
    EXPECT_EQ(attribute_of(span, "mesh.tenant"), "acme");
  }
  EXPECT_EQ(attribute_of(spans[0], "mesh.outcome"), "retry");
  EXPECT_EQ(attribute_of(spans[0], "mesh.attempt"), "1");
  EXPECT_EQ(spans[0]["status"]["code"], 2);
  EXPECT_EQ(attribute_of(spans[1], "mesh.outcome"), "done");
  EXPECT_EQ(attribute_of(spans[1], "mesh.attempt"), "2");
  EXPECT_FALSE(spans[1].contains("status"));
}

TEST_F(AttemptSpansTest, WhatFailsIsSentThoughItsTraceIsNot) {
  const TraceContext unsampled = TraceContext::make(false);
  start(stage, "analytics.events");
  stage.answer("e1", Outcome::dead);
  log.append_now(to_record(traced(analytics_event("e1", "7"), unsampled)));
  log.append_now(to_record(traced(analytics_event("e2", "7"), unsampled)));
  // The clock stands still: what goes well is not slow.
  EXPECT_TRUE(eventually([&] { return log.committed("some-pipeline") == 2; }));
  const auto spans = spans_of(unsampled);
  ASSERT_EQ(spans.size(), 1u);
  EXPECT_EQ(attribute_of(spans[0], "mesh.outcome"), "dead");
  EXPECT_EQ(spans[0]["status"]["message"], "fake") << "and not the words";
}

TEST_F(AttemptSpansTest, HistoryHasNone) {
  log.ensure("analytics.events", TopicKind::activity);
  log.append_now(to_record(traced(analytics_event("e1", "7"), request)));
  clock.advance(AttemptSpans::kHistory + Duration{1});
  log.append_now(to_record(traced(analytics_event("e2", "7"), request)));
  start(stage, "analytics.events");
  EXPECT_TRUE(eventually([&] { return log.committed("some-pipeline") == 2; }));
  const auto spans = spans_of(request);
  ASSERT_EQ(spans.size(), 1u);
  EXPECT_EQ(attribute_of(spans[0], "messaging.message.id"), "e2");
}

TEST_F(AttemptSpansTest, EmbedAndIndexArePartsOfTheAttempt) {
  FakeEmbedder embedder;
  FakeVectorIndex index;
  const int generation = index.create_generation({4, embedder.id()}, 0)->number;
  const auto real = make_user_index_stage(generation, embedder, index, nullptr, &kept.get());
  start(*real, "user.events");
  log.append_now(to_record(traced(user_event("created", 1, 1), request)));
  EXPECT_TRUE(eventually([&] { return log.committed("some-pipeline") == 1; }));
  const auto spans = spans_of(request);
  ASSERT_EQ(spans.size(), 3u);
  EXPECT_EQ(spans[0]["name"], "embed");
  EXPECT_EQ(spans[1]["name"], "index");
  EXPECT_EQ(spans[2]["name"], "pipeline attempt");
  EXPECT_EQ(spans[0]["parentSpanId"], spans[2]["spanId"]);
  EXPECT_EQ(spans[1]["parentSpanId"], spans[2]["spanId"]);
}

}  // namespace
}  // namespace mesh::pipeline
