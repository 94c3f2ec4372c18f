#include "common/telemetry/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <thread>

namespace mesh {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Metrics, ACounterIsExposedWithHelpTypeAndLabels) {
  Metrics metrics;
  metrics.counter("mesh_events_total", "events taken", {{"topic", "user.events"}}).add(3);
  EXPECT_EQ(metrics.expose(),
            "# HELP mesh_events_total events taken\n"
            "# TYPE mesh_events_total counter\n"
            "mesh_events_total{topic=\"user.events\"} 3\n");
}

TEST(Metrics, TheSameNameAndLabelsGiveTheSameHandle) {
  Metrics metrics;
  auto& one = metrics.counter("mesh_a_total", "a", {{"x", "1"}});
  EXPECT_EQ(&one, &metrics.counter("mesh_a_total", "other help", {{"x", "1"}}));
  EXPECT_NE(&one, &metrics.counter("mesh_a_total", "a", {{"x", "2"}}));
}

TEST(Metrics, ACounterNeverFalls) {
  Metrics metrics;
  auto& counter = metrics.counter("mesh_a_total", "a");
  counter.add(2);
  counter.add(-1);
  counter.add(NAN);
  EXPECT_THAT(metrics.expose(), HasSubstr("mesh_a_total 2\n"));
}

TEST(Metrics, AGaugeGoesBothWays) {
  Metrics metrics;
  auto& gauge = metrics.gauge("mesh_open", "open connections");
  gauge.set(5);
  gauge.add(-2.5);
  EXPECT_THAT(metrics.expose(), HasSubstr("mesh_open 2.5\n"));
}

TEST(Metrics, AHistogramCountsIntoInclusiveCumulativeBuckets) {
  Metrics metrics;
  auto& histogram = metrics.histogram("mesh_wait_seconds", "wait", {}, {0.0001, 0.1, 1});
  for (const double value : {0.0001, 0.05, 1.0, 7.0}) histogram.observe(value);
  histogram.observe(NAN);
  EXPECT_EQ(metrics.expose(),
            "# HELP mesh_wait_seconds wait\n"
            "# TYPE mesh_wait_seconds histogram\n"
            "mesh_wait_seconds_count 4\n"
            "mesh_wait_seconds_sum 8.0501\n"
            "mesh_wait_seconds_bucket{le=\"0.0001\"} 1\n"
            "mesh_wait_seconds_bucket{le=\"0.1\"} 2\n"
            "mesh_wait_seconds_bucket{le=\"1\"} 3\n"
            "mesh_wait_seconds_bucket{le=\"+Inf\"} 4\n");
}

TEST(Metrics, BucketsOfTheFirstCallCount) {
  Metrics metrics;
  metrics.histogram("mesh_h_seconds", "h", {{"x", "1"}}, {1});
  metrics.histogram("mesh_h_seconds", "h", {{"x", "2"}}, {5}).observe(2);
  EXPECT_THAT(metrics.expose(), Not(HasSubstr("le=\"5\"")));
}

TEST(Metrics, TheExpositionIsSortedWhateverTheOrderOfMaking) {
  const auto expose = [](const std::vector<std::string>& order) {
    Metrics metrics;
    for (const auto& name : order) {
      metrics.counter("mesh_" + name + "_total", "h", {{"x", "2"}}).add();
      metrics.counter("mesh_" + name + "_total", "h", {{"x", "1"}}).add();
    }
    metrics.gauge("mesh_b", "h").set(1);
    return metrics.expose();
  };
  EXPECT_EQ(expose({"c", "a"}), expose({"a", "c"}));
}

TEST(Metrics, LabelValuesAreEscaped) {
  Metrics metrics;
  metrics.counter("mesh_a_total", "a", {{"path", "/a\"\n\\b"}}).add();
  EXPECT_THAT(metrics.expose(), HasSubstr("path=\"/a\\\"\\n\\\\b\"} 1\n"));
}

TEST(Metrics, FreePlacesGoToTheFirstTenants) {
  Metrics metrics(2);
  EXPECT_EQ(metrics.tenant_label("a"), "a");
  EXPECT_EQ(metrics.tenant_label("b"), "b");
  EXPECT_EQ(metrics.tenant_label("c"), "other");
  EXPECT_EQ(metrics.tenant_label("a"), "a");
  EXPECT_EQ(metrics.tenant_label("d"), "other");
}

void search(Metrics& metrics, const std::string& tenant) {
  metrics.counter("mesh_searches_total", "s", {{"tenant", metrics.tenant_label(tenant)}}).add();
}

TEST(Metrics, TheBusiestTenantsTakeThePlacesOfIdleOnes) {
  Metrics metrics(2);
  for (const char* tenant : {"first", "second", "busy", "busy", "busy"}) search(metrics, tenant);
  EXPECT_TRUE(metrics.crowded());
  metrics.name_busiest({{"first", 1}, {"second", 2}, {"busy", 3}, {"middle", 2}});
  EXPECT_FALSE(metrics.crowded());
  search(metrics, "busy");
  search(metrics, "first");
  EXPECT_FALSE(metrics.tenant_label("busy") == "other");
  EXPECT_THAT(metrics.expose(), HasSubstr("mesh_searches_total{tenant=\"busy\"} 1\n"
                                          "mesh_searches_total{tenant=\"other\"} 4\n"
                                          "mesh_searches_total{tenant=\"second\"} 1\n"));
  EXPECT_THAT(metrics.expose(), Not(HasSubstr("first"))) << "its place went to another";
}

TEST(Metrics, ATenantThatComesBackGoesOnWhereItWas) {
  Metrics metrics(1);
  search(metrics, "a");
  search(metrics, "a");
  metrics.name_busiest({{"a", 2}, {"b", 5}});
  search(metrics, "b");
  metrics.name_busiest({{"a", 11}, {"b", 5}});
  search(metrics, "a");
  EXPECT_THAT(metrics.expose(), HasSubstr("mesh_searches_total{tenant=\"a\"} 3\n"));
}

TEST(Metrics, AlmostAsBusyIsNoReasonToChange) {
  Metrics metrics(1);
  search(metrics, "a");
  metrics.name_busiest({{"a", 5}, {"b", 10}});
  EXPECT_EQ(metrics.tenant_label("a"), "a");
  metrics.name_busiest({{"a", 5}, {"b", 11}});
  EXPECT_EQ(metrics.tenant_label("a"), "other");
}

TEST(Metrics, WhatIsForgottenIsNotShown) {
  Metrics metrics;
  for (const char* pipeline : {"a", "b"})
    metrics.counter("mesh_a_total", "a", {{"pipeline", pipeline}, {"x", "y"}}).add();
  metrics.forget("pipeline", "a");
  EXPECT_THAT(metrics.expose(),
              AllOf(HasSubstr("pipeline=\"b\""), Not(HasSubstr("pipeline=\"a\""))));
  metrics.counter("mesh_a_total", "a", {{"pipeline", "a"}, {"x", "y"}}).add();
  EXPECT_THAT(metrics.expose(), HasSubstr("pipeline=\"a\",x=\"y\"} 1\n"))
      << "a new one begins anew";
}

TEST(Metrics, WithoutNamesTenantsAreOneAndTheirSumNeverFalls) {
  Metrics metrics(1);
  const auto search = [&](const std::string& tenant, int times) {
    const Labels labels{{"path", "/s"}, {"tenant", metrics.tenant_label(tenant)}};
    metrics.counter("mesh_searches_total", "searches", labels).add(times);
    metrics.histogram("mesh_seconds", "time", labels, {1, 2}).observe(times);
  };
  metrics.counter("mesh_a_total", "a").add(7);
  search("acme", 1);
  search("globex", 2);  // has no place
  const auto text = metrics.expose(false);
  EXPECT_THAT(text, Not(HasSubstr("acme")));
  EXPECT_THAT(text, HasSubstr("mesh_searches_total{path=\"/s\",tenant=\"other\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("mesh_seconds_count{path=\"/s\",tenant=\"other\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("mesh_seconds_sum{path=\"/s\",tenant=\"other\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("mesh_seconds_bucket{path=\"/s\",tenant=\"other\",le=\"1\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("mesh_a_total 7\n"));
  metrics.name_busiest({{"acme", 1}, {"globex", 9}});  // acme loses its place
  EXPECT_THAT(metrics.expose(), Not(HasSubstr("acme")));
  EXPECT_THAT(metrics.expose(false),
              HasSubstr("mesh_searches_total{path=\"/s\",tenant=\"other\"} 3\n"));
}

TEST(Metrics, WithoutRoomForTenantsAllAreOther) {
  EXPECT_EQ(Metrics(0).tenant_label("a"), "other");
}

TEST(Metrics, CollectorsRunBeforeEachExposition) {
  Metrics metrics;
  int calls = 0;
  metrics.on_collect([&] { metrics.gauge("mesh_calls", "c").set(++calls); });
  metrics.expose();
  EXPECT_THAT(metrics.expose(), HasSubstr("mesh_calls 2\n"));
}

TEST(Metrics, NothingIsLostBetweenThreads) {
  Metrics metrics(3);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&metrics, t] {
      for (int i = 0; i < 1000; ++i) {
        const auto tenant = metrics.tenant_label("tenant-" + std::to_string((t + i) % 5));
        metrics.counter("mesh_a_total", "a").add();
        metrics.counter("mesh_b_total", "b", {{"tenant", tenant}}).add();
        metrics.histogram("mesh_c_seconds", "c").observe(0.25);
        if (i % 100 == 0) metrics.expose();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const auto text = metrics.expose();
  EXPECT_THAT(text, HasSubstr("mesh_a_total 4000\n"));
  EXPECT_THAT(text, HasSubstr("mesh_c_seconds_count 4000\n"));
  EXPECT_THAT(text, HasSubstr("mesh_c_seconds_sum 1000\n"));
}

TEST(MetricsDeathTest, ABadNameStopsTheProcessAndIsNamed) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Metrics metrics;
  EXPECT_DEATH(metrics.counter("no-name", "x"), "no-name");
  EXPECT_DEATH(metrics.counter("mesh_a_total", "x", {{"a-b", "1"}}), "a-b");
  metrics.gauge("mesh_g", "x");
  EXPECT_DEATH(metrics.counter("mesh_g", "x"), "another type");
}

}  // namespace
}  // namespace mesh
