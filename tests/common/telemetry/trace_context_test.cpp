#include "common/telemetry/trace_context.h"

#include <gtest/gtest.h>

#include <set>

namespace mesh {
namespace {

const std::string kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string kSpan = "00f067aa0ba902b7";
const std::string kHeader = "00-" + kTrace + "-" + kSpan + "-01";

TEST(TraceContext, AHeaderIsReadAndWrittenBack) {
  const auto context = TraceContext::parse(kHeader);
  ASSERT_TRUE(context.has_value());
  EXPECT_EQ(context->trace_id, kTrace);
  EXPECT_EQ(context->span_id, kSpan);
  EXPECT_TRUE(context->sampled);
  EXPECT_EQ(context->traceparent(), kHeader);
}

TEST(TraceContext, TheSampledFlagIsABit) {
  const auto sampled = [](const std::string& flags) {
    return TraceContext::parse("00-" + kTrace + "-" + kSpan + "-" + flags)->sampled;
  };
  EXPECT_FALSE(sampled("00"));
  EXPECT_FALSE(sampled("02"));
  EXPECT_TRUE(sampled("03"));
  EXPECT_TRUE(sampled("ff"));
  EXPECT_FALSE(sampled("fe"));
}

TEST(TraceContext, HigherVersionsAreReadLeniently) {
  EXPECT_TRUE(TraceContext::parse("cc-" + kTrace + "-" + kSpan + "-01"));
  const auto longer = TraceContext::parse("cc-" + kTrace + "-" + kSpan + "-01-what-comes");
  ASSERT_TRUE(longer.has_value());
  EXPECT_EQ(longer->traceparent(), kHeader);
  EXPECT_FALSE(TraceContext::parse("cc-" + kTrace + "-" + kSpan + "-01what"));
}

TEST(TraceContext, MalformedHeadersAreRefused) {
  const std::string upper = "4BF92f3577b34da6a3ce929d0e0e4736";
  for (const std::string& bad : {
           std::string{},
           std::string{"00"},
           kHeader + "-",
           kHeader + "0",
           " " + kHeader,
           kHeader.substr(0, 54),
           "ff-" + kTrace + "-" + kSpan + "-01",
           "0G-" + kTrace + "-" + kSpan + "-01",
           "00-" + upper + "-" + kSpan + "-01",
           "00-" + std::string(32, '0') + "-" + kSpan + "-01",
           "00-" + kTrace + "-" + std::string(16, '0') + "-01",
           "00-" + kTrace + "-" + kSpan + "-0A",
           "00-" + kTrace + "-" + kSpan + "-g1",
           "00_" + kTrace + "-" + kSpan + "-01",
           "00-" + kTrace + "_" + kSpan + "-01",
       }) {
    EXPECT_FALSE(TraceContext::parse(bad)) << bad;
  }
}

TEST(TraceContext, AChildKeepsTheTraceAndTheDecision) {
  const auto parent = TraceContext::make(true);
  const auto child = parent.child();
  EXPECT_EQ(child.trace_id, parent.trace_id);
  EXPECT_NE(child.span_id, parent.span_id);
  EXPECT_TRUE(child.sampled);
}

TEST(TraceContext, MadeIdsAreValidAndUnlike) {
  std::set<std::string> traces, spans;
  for (int i = 0; i < 1000; ++i) {
    const auto context = TraceContext::make(false);
    ASSERT_TRUE(TraceContext::parse(context.traceparent()));
    traces.insert(context.trace_id);
    spans.insert(context.span_id);
  }
  EXPECT_EQ(traces.size(), 1000u);
  EXPECT_EQ(spans.size(), 1000u);
}

TEST(TraceContext, StateIsPassedOnWithinBounds) {
  auto trace = TraceContext::make(true);
  trace.add_state("a=1");
  trace.add_state("b=2, c=3");
  EXPECT_EQ(trace.child().state, "a=1,b=2, c=3");
  auto many = TraceContext::make(true);
  std::string members = "m=0";
  for (int i = 1; i < 33; ++i) members += ",m=" + std::to_string(i);
  many.add_state(members);
  EXPECT_EQ(many.state, "") << "over 32 members";
  many.add_state("a=\xc3\xa9");
  EXPECT_EQ(many.state, "");
}

}  // namespace
}  // namespace mesh
