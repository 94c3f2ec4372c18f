#include "common/engines/vectors/dot.h"

#define HWY_WANT_AVX3_DL  // as dot.cpp does: else the list of targets lacks it
#include <hwy/targets.h>

#include "tests/common/engines/vectors/vectors.h"

namespace mesh::vectors {
namespace {

using test::Random;

struct Rows {
  std::size_t length, count;
  std::vector<std::uint8_t> high;
  std::vector<std::int8_t> low;
  std::vector<std::int8_t> query;
  std::vector<float> float_query;
};

Rows random_rows(std::size_t length, std::size_t count, Random& random) {
  Rows rows{length, count, {}, {}, {}, {}};
  for (std::size_t i = 0; i < length * count; ++i) {
    rows.high.push_back(static_cast<std::uint8_t>(random()));
    rows.low.push_back(static_cast<std::int8_t>(random()));
  }
  for (std::size_t i = 0; i < length; ++i) {
    rows.query.push_back(static_cast<std::int8_t>(random()));
    rows.float_query.push_back(static_cast<float>(rows.query.back()) / 128);
  }
  return rows;
}

void expect_rows_match(const Rows& rows) {
  std::vector<std::int32_t> dots(rows.count, -1);
  dot_rows(rows.high.data(), rows.length, rows.count, rows.query.data(), dots.data());
  for (std::size_t row = 0; row < rows.count; ++row) {
    std::int32_t sum = 0;
    double fine = 0, size = 0;
    for (std::size_t i = 0; i < rows.length; ++i) {
      const int high = rows.high[row * rows.length + i];
      sum += high * rows.query[i];
      const double term =
          (256.0 * (high - 128) + rows.low[row * rows.length + i]) * rows.float_query[i];
      fine += term;
      size += std::abs(term);
    }
    EXPECT_EQ(dots[row], sum) << "row " << row << " of " << rows.count;
    const float got =
        dot_fine(rows.high.data() + row * rows.length, rows.low.data() + row * rows.length,
                 rows.float_query.data(), rows.length);
    EXPECT_NEAR(got, fine, 1e-4 * size);
  }
}

class EveryTarget : public testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override { hwy::SetSupportedTargetsForTest(GetParam()); }
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }
};

TEST_P(EveryTarget, DotsEqualAScalarLoop) {
  Random random(7);
  for (const std::size_t length : {64U, 128U, 384U, 1536U}) {
    for (const std::size_t count : {1U, 3U, 4U, 16U}) {
      expect_rows_match(random_rows(length, count, random));
    }
  }
}

TEST_P(EveryTarget, TheLargestValuesDoNotSaturate) {
  Rows rows{16384, 1, {}, {}, {}, {}};
  rows.high.assign(rows.length, 255);
  rows.low.assign(rows.length, 127);
  rows.query.assign(rows.length, -128);
  rows.float_query.assign(rows.length, -1);
  expect_rows_match(rows);
}

std::string target_name(const testing::TestParamInfo<std::int64_t>& info) {
  return hwy::TargetName(info.param);
}

INSTANTIATE_TEST_SUITE_P(Dot, EveryTarget, testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
                         target_name);

}  // namespace
}  // namespace mesh::vectors
