#include "daemon/pipeline/batch_spans.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/support/kept_spans.h"
#include "tests/support/manual_clock.h"

namespace mesh::pipeline {
namespace {

using Links = std::set<std::string>;

Links links_of(const Json& span) {
  Links ids;
  for (const auto& link : span.value("links", Json::array()))
    ids.insert(link["spanId"].get<std::string>());
  return ids;
}

class BatchSpansTest : public testing::Test {
 protected:
  BatchSpans begin() { return BatchSpans(kept.get(), "log append", Span::Kind::producer); }
  // By name; the spans of events in the order in which they were added.
  std::map<std::string, std::vector<Json>> sent() {
    std::map<std::string, std::vector<Json>> all;
    for (Json& span : kept.all()) all[span["name"].get<std::string>()].push_back(std::move(span));
    return all;
  }

  ManualClock clock;
  test::KeptSpans kept{clock, {.sample = 0}};
  const TraceContext one = TraceContext::make(true), other = TraceContext::make(true);
};

TEST_F(BatchSpansTest, EachEventHasItsSpanInItsTraceAndTheBatchOneThatLinksToThem) {
  auto spans = begin();
  const auto start = clock.steady();
  const auto first = spans.add(one, {{"mesh.tenant", "acme"}}, start);
  const auto second = spans.add(other, {}, start);
  clock.advance(Duration{3});
  spans.end_all(std::nullopt);
  auto all = sent();
  ASSERT_EQ(all["log append"].size(), 2u);
  ASSERT_EQ(all["log append batch"].size(), 1u);
  const Json& of_one = all["log append"][0];
  const Json& batch = all["log append batch"][0];
  EXPECT_EQ(of_one["traceId"], one.trace_id);
  EXPECT_EQ(of_one["parentSpanId"], one.span_id);
  EXPECT_EQ(of_one["spanId"], first.span_id);
  EXPECT_EQ(test::attribute_of(of_one, "mesh.tenant"), "acme");
  EXPECT_EQ(links_of(of_one), Links{batch["spanId"].get<std::string>()});
  EXPECT_EQ(links_of(batch), (Links{first.span_id, second.span_id}));
  EXPECT_NE(batch["traceId"], one.trace_id);
  EXPECT_EQ(test::attribute_of(batch, "messaging.batch.message_count"), "2");
}

TEST_F(BatchSpansTest, OneEventNeedsNoBatch) {
  auto spans = begin();
  spans.add(one, {}, clock.steady());
  spans.end_all(std::nullopt);
  const auto all = kept.all();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(links_of(all[0]), Links{});
}

TEST_F(BatchSpansTest, EventsOfOneRequestShareASpan) {
  auto spans = begin();
  const auto first = spans.add(one, {}, clock.steady());
  EXPECT_EQ(spans.add(one, {}, clock.steady()).span_id, first.span_id);
  spans.end_all(Error{ErrorKind::unavailable, "the log is away", {}, {}, {}});
  const auto all = kept.all();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(test::attribute_of(all[0], "messaging.batch.message_count"), "2");
  EXPECT_EQ(all[0]["status"]["code"], 2);
}

// Clients that always send the same parent lost all events but the first from their traces.
TEST_F(BatchSpansTest, EqualIdsOfParentsInTwoTracesAreTwoParents) {
  auto spans = begin();
  TraceContext same = other;
  same.span_id = one.span_id;
  spans.add(one, {}, clock.steady());
  spans.add(same, {}, clock.steady());
  spans.end_all(std::nullopt);
  auto all = sent();
  ASSERT_EQ(all["log append"].size(), 2u);
  EXPECT_EQ(all["log append"][0]["traceId"], one.trace_id);
  EXPECT_EQ(all["log append"][1]["traceId"], other.trace_id);
}

TEST_F(BatchSpansTest, WhatIsNotSentIsInNoBatch) {
  auto spans = begin();
  spans.add(TraceContext::make(false), {}, clock.steady());
  spans.add(one, {}, clock.steady());
  spans.add(std::nullopt, {}, clock.steady());  // begins a trace here, of which none is sampled
  spans.fail_one(2, "it broke");
  spans.end();
  auto all = sent();
  EXPECT_EQ(all["log append"].size(), 2u) << "the sampled one and the failed one";
  ASSERT_EQ(all["log append batch"].size(), 1u);
  EXPECT_EQ(links_of(all["log append batch"][0]).size(), 2u);
}

// A log that is away would else send a span for each event that waits, whatever the sample.
TEST_F(BatchSpansTest, OfACallThatFailsTheBatchIsSentAndTheEventsByTheirHeads) {
  auto spans = begin();
  const auto sampled = spans.add(one, {}, clock.steady());
  for (int i = 0; i < 3; ++i) spans.add(TraceContext::make(false), {}, clock.steady());
  spans.end_all(Error{ErrorKind::unavailable, "the server says t@acme.dev", "its words", {}, {}});
  auto all = sent();
  ASSERT_EQ(all["log append"].size(), 1u);
  EXPECT_EQ(all["log append"][0]["spanId"], sampled.span_id);
  EXPECT_EQ(all["log append"][0]["status"]["message"], "unavailable") << "and not its words";
  ASSERT_EQ(all["log append batch"].size(), 1u);
  EXPECT_EQ(all["log append batch"][0]["status"]["message"], "unavailable");
  EXPECT_EQ(test::attribute_of(all["log append batch"][0], "messaging.batch.message_count"), "4");
}

TEST_F(BatchSpansTest, OfASlowCallTheBatchIsSentAlone) {
  auto spans = begin();
  for (int i = 0; i < 2; ++i) spans.add(TraceContext::make(false), {}, clock.steady());
  clock.advance(Duration{1'001});
  spans.end();
  const auto all = kept.all();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0]["name"], "log append batch");
  EXPECT_EQ(links_of(all[0]), Links{});
}

TEST_F(BatchSpansTest, AnEventAloneStandsForItsCall) {
  auto spans = begin();
  spans.add(TraceContext::make(false), {}, clock.steady());
  spans.end_all(Error{ErrorKind::timeout, {}, {}, {}, {}});
  const auto all = kept.all();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0]["status"]["message"], "timeout");
}

}  // namespace
}  // namespace mesh::pipeline
