#include "common/telemetry/buckets.h"

#include <gtest/gtest.h>

#include "common/telemetry/metrics.h"

namespace mesh {
namespace {

const Buckets kTen{{0.1, 0.5, 1}, {4, 8, 9, 10}};

TEST(Quantile, IsLinearWithinItsBucket) {
  EXPECT_DOUBLE_EQ(*quantile(kTen, 0.4), 0.1) << "four of ten are in the first bucket";
  EXPECT_DOUBLE_EQ(*quantile(kTen, 0.2), 0.05) << "which begins at 0";
  EXPECT_DOUBLE_EQ(*quantile(kTen, 0.5), 0.2) << "a quarter of the way from 0.1 to 0.5";
}

TEST(Quantile, BeyondTheHighestBoundIsThatBound) { EXPECT_DOUBLE_EQ(*quantile(kTen, 0.99), 1); }

TEST(Quantile, OfNothingIsNothing) {
  EXPECT_FALSE(quantile({}, 0.5));
  EXPECT_FALSE(quantile({{1}, {0, 0}}, 0.5));
}

TEST(Quantile, OfEmptyBucketsBelowIsWhereTheFirstObservationIs) {
  EXPECT_DOUBLE_EQ(*quantile({{1, 2, 4}, {0, 0, 2, 2}}, 0.5), 3);
}

TEST(Buckets, BetweenTwoLooksAreTheDifference) {
  const auto more = since({{0.1, 0.5, 1}, {4, 8, 8, 8}}, kTen);
  EXPECT_EQ(more.counts, (std::vector<std::uint64_t>{0, 0, 1, 2}));
  EXPECT_EQ(since({}, kTen).counts, kTen.counts) << "the first look";
  EXPECT_EQ(since({{0.1, 0.5, 1}, {5, 5, 5, 5}}, kTen).counts, kTen.counts) << "a series has gone";
}

TEST(Buckets, OfTwoLooksWithoutALockAscend) {
  // Between the reads of two buckets another one was observed.
  const auto more = since({{1, 2}, {0, 3, 3}}, {{1, 2}, {2, 4, 5}});
  EXPECT_EQ(more.counts, (std::vector<std::uint64_t>{2, 2, 2}));
}

TEST(ReadMetrics, SumsTheSeriesThatAreWanted) {
  Metrics metrics(1);
  metrics.counter("mesh_a_total", "a", {{"route", "/x"}, {"status", "200"}}).add(2);
  metrics.counter("mesh_a_total", "a", {{"route", "/x"}, {"status", "500"}}).add(3);
  metrics.counter("mesh_a_total", "a", {{"route", "/y"}, {"status", "200"}}).add(5);
  metrics.gauge("mesh_g", "g").set(7);
  const auto of_x = [](const Labels& labels) { return labels.at("route") == "/x"; };
  EXPECT_EQ(metrics.sum("mesh_a_total"), 10);
  EXPECT_EQ(metrics.sum("mesh_a_total", of_x), 5);
  EXPECT_EQ(metrics.sum("mesh_g"), 7);
  EXPECT_EQ(metrics.sum("mesh_none_total"), 0);
}

TEST(ReadMetrics, SumsTenantsWithoutAPlace) {
  Metrics metrics(0);
  metrics.counter("mesh_a_total", "a", {{"tenant", "acme"}}).add(2);
  EXPECT_EQ(metrics.sum("mesh_a_total"), 2);
}

TEST(ReadMetrics, AddsTheBucketsOfHistograms) {
  Metrics metrics;
  metrics.histogram("mesh_h_seconds", "h", {{"route", "/x"}}, {1, 2}).observe(0.5);
  metrics.histogram("mesh_h_seconds", "h", {{"route", "/y"}}, {1, 2}).observe(1.5);
  metrics.histogram("mesh_h_seconds", "h", {{"route", "/y"}}, {1, 2}).observe(9);
  const auto all = metrics.buckets("mesh_h_seconds");
  EXPECT_EQ(all.bounds, (std::vector<double>{1, 2}));
  EXPECT_EQ(all.counts, (std::vector<std::uint64_t>{1, 2, 3}));
  const auto of_y = metrics.buckets(
      "mesh_h_seconds", [](const Labels& labels) { return labels.at("route") == "/y"; });
  EXPECT_EQ(of_y.counts, (std::vector<std::uint64_t>{0, 1, 2}));
  EXPECT_EQ(metrics.buckets("mesh_none").total(), 0u);
}

}  // namespace
}  // namespace mesh
