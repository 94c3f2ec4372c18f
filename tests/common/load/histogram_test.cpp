#include "common/load/histogram.h"

#include <gtest/gtest.h>

namespace mesh::load {
namespace {

TEST(Histogram, IsExactToTwoMilliseconds) {
  Histogram histogram;
  for (std::uint64_t us = 1; us <= 2000; ++us) histogram.add(us);
  EXPECT_EQ(histogram.percentile(0.5), 1000u);
  EXPECT_EQ(histogram.percentile(0.99), 1980u);
  EXPECT_EQ(histogram.percentile(1), 2000u);
}

TEST(Histogram, IsWithinAThousandthBeyond) {
  for (std::uint64_t us = 2048; us < 10'000'000'000; us = us * 3 / 2 + 1) {
    Histogram histogram;
    histogram.add(us);
    histogram.add(2 * us + us / 2);  // so that the maximum does not hide the bucket
    EXPECT_GE(histogram.percentile(0.5), us);
    EXPECT_LE(histogram.percentile(0.5), us + us / 1000);
  }
}

TEST(Histogram, ValuesBeyondItsRangeCountAsTheLargest) {
  Histogram histogram;
  histogram.add(~0ull);
  EXPECT_EQ(histogram.percentile(0.5), histogram.max());
  EXPECT_EQ(histogram.count(), 1u);
}

TEST(Histogram, MergedIsAsIfAllHadBeenAddedToOne) {
  Histogram a, b;
  for (std::uint64_t us = 0; us < 100; ++us) (us % 2 == 0 ? a : b).add(us * 1000);
  a.merge(b);
  EXPECT_EQ(a.count(), 100u);
  EXPECT_EQ(a.max(), 99'000u);
  EXPECT_NEAR(static_cast<double>(a.percentile(0.5)), 49'000, 49);
}

TEST(Histogram, EmptyAnswersZero) { EXPECT_EQ(Histogram().percentile(0.99), 0u); }

}  // namespace
}  // namespace mesh::load
