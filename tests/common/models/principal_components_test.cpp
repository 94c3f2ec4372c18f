#include "common/models/principal_components.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

namespace mesh::models {
namespace {

// Points on the line through (1, 1) in the direction (3, 4).
TEST(PrincipalComponents, AreThoseOfALine) {
  std::vector<float> rows;
  for (const float t : {-2.0F, -1.0F, 0.0F, 1.0F, 2.0F}) {
    rows.push_back(1 + 3 * t);
    rows.push_back(1 + 4 * t);
  }
  const auto projected = project_on_principal_components(rows, 2, 2);
  ASSERT_TRUE(projected);
  const float expected[] = {-10, -5, 0, 5, 10};  // 5 t: the larger number, 4/5, is positive
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_NEAR((*projected)[2 * i], expected[i], 1e-5);
    EXPECT_NEAR((*projected)[2 * i + 1], 0, 1e-5);
  }
}

std::vector<float> scattered(std::size_t rows, std::size_t width) {
  std::vector<float> numbers(rows * width);
  std::uint32_t state = 7;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    state = state * 1664525U + 1013904223U;
    // Each coordinate differs less than the one before.
    numbers[i] = static_cast<float>(state >> 8) / 16777216.0F / static_cast<float>(i % width + 1);
  }
  return numbers;
}

TEST(PrincipalComponents, FallInVarianceAndAllOfThemKeepDistances) {
  constexpr std::size_t kRows = 3000, kWidth = 6;  // more rows than are computed with at a time
  const auto rows = scattered(kRows, kWidth);
  const auto all = project_on_principal_components(rows, kWidth, kWidth);
  ASSERT_TRUE(all);
  std::vector<double> mean(kWidth), variance(kWidth);
  for (std::size_t i = 0; i < all->size(); ++i) {
    mean[i % kWidth] += (*all)[i] / double{kRows};
    variance[i % kWidth] += double{(*all)[i]} * (*all)[i];
  }
  for (std::size_t i = 0; i < kWidth; ++i) {
    EXPECT_NEAR(mean[i], 0, 1e-6);
    if (i > 0) {
      EXPECT_LT(variance[i], variance[i - 1]);
    }
  }
  const auto distance = [](const std::vector<float>& of, std::size_t a, std::size_t b) {
    double sum = 0;
    for (std::size_t i = 0; i < kWidth; ++i)
      sum += std::pow(of[a * kWidth + i] - of[b * kWidth + i], 2);
    return std::sqrt(sum);
  };
  for (std::size_t i = 1; i < kRows; i += 97)
    EXPECT_NEAR(distance(*all, 0, i), distance(rows, 0, i), 1e-5);
}

TEST(PrincipalComponents, OfFewAreTheFirstOfAll) {
  const auto rows = scattered(50, 4);
  const auto all = project_on_principal_components(rows, 4, 4);
  const auto two = project_on_principal_components(rows, 4, 2);
  ASSERT_TRUE(all && two);
  ASSERT_EQ(two->size(), 100u);
  for (std::size_t i = 0; i < 50; ++i) {
    EXPECT_NEAR((*two)[2 * i], (*all)[4 * i], 1e-6);
    EXPECT_NEAR((*two)[2 * i + 1], (*all)[4 * i + 1], 1e-6);
  }
}

TEST(PrincipalComponents, OfNumbersThatAreNoneAreRefused) {
  auto rows = scattered(5, 2);
  rows[3] = std::numeric_limits<float>::quiet_NaN();
  const auto projected = project_on_principal_components(rows, 2, 1);
  ASSERT_FALSE(projected);
  EXPECT_EQ(projected.error().kind, ErrorKind::invalid);
}

}  // namespace
}  // namespace mesh::models
