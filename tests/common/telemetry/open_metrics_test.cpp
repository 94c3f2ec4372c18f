#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/telemetry/metrics.h"

namespace mesh {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr auto kForm = Metrics::Form::open_metrics;

TEST(OpenMetrics, IsTheFormatOfTheSpecification) {
  Metrics metrics;
  metrics.counter("mesh_events_total", "events \"taken\"\n", {{"topic", "a\\b\"c\nd"}}).add(3);
  metrics.gauge("mesh_open", "open connections").set(0.25);
  auto& histogram = metrics.histogram("mesh_wait_seconds", "wait", {{"route", "/x"}}, {0.5, 1});
  histogram.observe(0.5);
  histogram.observe(2);
  EXPECT_EQ(metrics.expose(true, kForm),
            "# TYPE mesh_events counter\n"
            "# HELP mesh_events events \\\"taken\\\"\\n\n"
            "mesh_events_total{topic=\"a\\\\b\\\"c\\nd\"} 3\n"
            "# TYPE mesh_open gauge\n"
            "# HELP mesh_open open connections\n"
            "mesh_open 0.25\n"
            "# TYPE mesh_wait_seconds histogram\n"
            "# HELP mesh_wait_seconds wait\n"
            "mesh_wait_seconds_bucket{route=\"/x\",le=\"0.5\"} 1\n"
            "mesh_wait_seconds_bucket{route=\"/x\",le=\"1.0\"} 1\n"
            "mesh_wait_seconds_bucket{route=\"/x\",le=\"+Inf\"} 2\n"
            "mesh_wait_seconds_count{route=\"/x\"} 2\n"
            "mesh_wait_seconds_sum{route=\"/x\"} 2.5\n"
            "# EOF\n");
}

TEST(OpenMetrics, BoundsHaveTheCanonicalForm) {
  Metrics metrics;
  metrics.histogram("mesh_wait_seconds", "wait", {}, {1e-5, 1e-4, 0.0025, 100'000, 1e6});
  const std::string text = metrics.expose(true, kForm);
  for (const char* bound : {"1e-05", "0.0001", "0.0025", "100000.0", "1e+06", "+Inf"}) {
    EXPECT_THAT(text, HasSubstr("le=\"" + std::string(bound) + "\"} 0\n"));
  }
}

TEST(OpenMetrics, ABucketShowsATraceThatIsInIt) {
  Metrics metrics;
  auto& histogram = metrics.histogram("mesh_wait_seconds", "wait", {}, {0.5, 1});
  histogram.observe(0.25);
  histogram.observe(0.75, "0af7651916cd43dd8448eb211c80319c");
  histogram.observe(0.8125, "4bf92f3577b34da6a3ce929d0e0e4736");
  const std::string text = metrics.expose(true, kForm);
  EXPECT_THAT(text, testing::ContainsRegex(
                        "le=\"1.0\"} 3 # [{]trace_id=\"4bf92f3577b34da6a3ce929d0e0e4736\"[}] "
                        "0.8125 [0-9]+[.][0-9][0-9][0-9]\n"))
      << "the last one";
  EXPECT_THAT(text, HasSubstr("le=\"0.5\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("le=\"+Inf\"} 3\n"));
  EXPECT_THAT(metrics.expose(), Not(HasSubstr("trace_id"))) << "the text format has none";
}

// A trace is somebody's: who may not know the tenants is not led to what they did.
TEST(OpenMetrics, WhoMayNotKnowTheTenantsGetsNoTraces) {
  Metrics metrics;
  metrics.histogram("mesh_wait_seconds", "wait", {}, {1})
      .observe(0.5, "0af7651916cd43dd8448eb211c80319c");
  EXPECT_THAT(metrics.expose(false, kForm), Not(HasSubstr("trace_id")));
  EXPECT_THAT(metrics.expose(false, kForm), HasSubstr("le=\"1.0\"} 1\n"));
}

}  // namespace
}  // namespace mesh
