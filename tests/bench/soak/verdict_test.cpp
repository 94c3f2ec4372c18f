#include "tests/bench/soak/verdict.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace mesh::bench {
namespace {

// Ten minutes: page caches fill within two, a rebuild shows as a peak each minute, and all of it is
// a little noisy. `change` is what else happens.
std::vector<Sample> run(const std::function<void(Sample&)>& change = [](Sample&) {}) {
  std::mt19937 random(7);
  std::normal_distribution<> noise(0, 0.2);
  std::vector<Sample> samples;
  for (int n = 1; n <= 40; ++n) {
    Sample sample;
    sample.minute = n * 0.25;
    sample.caches = 46 * std::min(1.0, 0.3 + sample.minute / 2.8);
    sample.heap = 4 + std::abs(noise(random)) + (n % 4 == 0 ? 0.6 : 0);
    sample.memory.anonymous = 38 + sample.caches + sample.heap + 3 * std::abs(noise(random));
    sample.descriptors = 80 + n % 3;
    sample.threads = 32;
    sample.lag = n % 5;
    change(sample);
    samples.push_back(sample);
  }
  return samples;
}

bool grew(const std::function<void(Sample&)>& change) { return judge(run(change)).grew; }

TEST(SoakVerdict, CachesThatFillAndPeaksAreNoGrowth) {
  const auto verdict = judge(run());
  EXPECT_FALSE(verdict.grew) << ::testing::PrintToString(verdict.lines);
  EXPECT_NEAR(run()[verdict.warm].minute, 2, 0.26);
  EXPECT_NEAR(verdict.heap.per_minute, 0, 0.05);
}

TEST(SoakVerdict, AMegabyteAMinuteIsFoundOnTheHeap) {
  EXPECT_TRUE(grew([](Sample& s) { s.heap += s.minute; }));
  EXPECT_TRUE(grew([](Sample& s) { s.heap += 0.4 * s.minute; }));
}

TEST(SoakVerdict, AMegabyteAMinuteIsFoundBesideTheHeap) {
  EXPECT_TRUE(grew([](Sample& s) { s.memory.anonymous += s.minute; }));
}

TEST(SoakVerdict, CachesThatNeverFillAreGrowth) {
  EXPECT_TRUE(grew([](Sample& s) { s.caches = 40 + s.minute; }));
}

TEST(SoakVerdict, ARunThatEndsWhileTheyFillIsNotPassed) {
  const auto samples = run();
  EXPECT_TRUE(judge(std::span(samples).first(10)).grew);
  EXPECT_TRUE(judge({}).grew);
}

TEST(SoakVerdict, MemoryThatGrewOnceAndStandsIsNoGrowth) {
  EXPECT_FALSE(grew([](Sample& s) { s.memory.anonymous += s.minute > 5 ? 2 : 0; }));
}

TEST(SoakVerdict, ThreadsDescriptorsAndLagAreCounted) {
  EXPECT_TRUE(grew([](Sample& s) { s.threads += s.minute > 7 ? 1 : 0; }));
  EXPECT_TRUE(grew([](Sample& s) { s.descriptors += static_cast<int>(3 * s.minute); }));
  EXPECT_FALSE(grew([](Sample& s) { s.descriptors += s.minute > 7 ? 4 : 0; }));
  EXPECT_TRUE(grew([](Sample& s) { s.lag += static_cast<int>(100 * s.minute); }));
  EXPECT_FALSE(grew([](Sample& s) { s.lag += s.minute > 9.9 ? 5000 : 0; })) << "a single look";
}

TEST(Slope, IsThatOfTheLineWhateverSinglePeaksSay) {
  auto samples = run([](Sample& s) { s.heap = 2 * s.minute + (s.minute == 5 ? 100 : 0); });
  const auto found = slope(samples, [](const Sample& s) { return s.heap; });
  EXPECT_NEAR(found.per_minute, 2, 1e-9);
  EXPECT_LE(found.low, found.per_minute);
  EXPECT_GE(found.high, found.per_minute);
}

}  // namespace
}  // namespace mesh::bench
