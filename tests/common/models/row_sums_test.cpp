#include "common/models/row_sums.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cmath>
#include <random>

#include "common/models/safetensors.h"

namespace mesh::models {
namespace {

constexpr std::size_t kManyRows = 50;  // more than are fetched ahead at once

std::int64_t size_of(std::size_t size) { return static_cast<std::int64_t>(size); }

// Rows of any bits that are finite numbers, at an odd address.
struct Numbers {
  Numbers(const std::string& dtype, std::size_t columns, std::mt19937& random)
      : tensor{dtype, {size_of(kManyRows), size_of(columns)}, {}},
        type(number_type(dtype).value()),
        bytes(kManyRows * columns * bytes_of(type) + 1) {
    for (auto& byte : bytes) byte = static_cast<std::byte>(random());
    if (type != NumberType::i8) {
      // The byte of sign and exponent, at each number's end: never an infinity, and of F64 within
      // what a float holds.
      const auto cleared = type == NumberType::f64 ? std::byte{0x00} : std::byte{0xbb};
      const auto set = type == NumberType::f64 ? std::byte{0x3f} : std::byte{0x00};
      for (std::size_t end = bytes_of(type); end < bytes.size(); end += bytes_of(type)) {
        bytes[end] = (bytes[end] & cleared) | set;
      }
    }
    tensor.bytes = std::span(bytes).subspan(1);
  }
  Tensor tensor;
  NumberType type;
  std::vector<std::byte> bytes;
};

class RowSums : public testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override { hwy::SetSupportedTargetsForTest(GetParam()); }
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }
};

TEST_P(RowSums, EqualAScalarLoopToTheBit) {
  std::mt19937 random(7);
  for (const char* dtype : {"F32", "F16", "BF16", "F64", "I8"}) {
    for (const std::size_t columns : {1U, 6U, 63U, 256U, 301U}) {
      const Numbers numbers(dtype, columns, random);
      for (const std::size_t count : {std::size_t{0}, std::size_t{1}, std::size_t{17}, kManyRows}) {
        std::vector<WeighedRow> rows;
        std::vector<float> expected(columns), row(columns);
        for (std::size_t i = 0; i < count; ++i) {
          const std::size_t place = random() % kManyRows;
          const float weight = static_cast<float>(random() % 1000) / 777;
          rows.push_back(
              {numbers.tensor.bytes.data() + place * columns * bytes_of(numbers.type), weight});
          ASSERT_TRUE(read_floats(numbers.tensor, size_of(place * columns), row));
          for (std::size_t c = 0; c < columns; ++c) expected[c] += weight * row[c];
        }
        std::vector<float> sum(columns, 7.0F);
        sum_rows(numbers.type, rows, sum);
        EXPECT_EQ(sum, expected) << dtype << " " << columns << " " << count;
      }
    }
  }
}

TEST_P(RowSums, SquaresAndProductsAreThoseOfDoubles) {
  std::mt19937 random(8);
  for (const std::size_t count : {0U, 1U, 7U, 8U, 256U, 301U}) {
    std::vector<float> numbers;
    double squares = 0;
    for (std::size_t i = 0; i < count; ++i) {
      numbers.push_back(static_cast<float>(random()) / 4e9F - 0.5F);
      squares += static_cast<double>(numbers.back()) * numbers.back();
    }
    EXPECT_NEAR(sum_of_squares(numbers), squares, 1e-12 * squares) << count;
    auto scaled = numbers;
    scale(scaled, 1 / 3.0);
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_EQ(scaled[i], static_cast<float>(numbers[i] * (1 / 3.0))) << count << " " << i;
    }
  }
}

TEST_P(RowSums, SquaresAreTheSameOnEveryCpu) {
  std::mt19937 random(9);
  std::vector<float> numbers;
  double sums[8] = {}, total = 0;
  for (std::size_t i = 0; i < 301; ++i) {
    numbers.push_back(static_cast<float>(random()));
    sums[i % 8] += static_cast<double>(numbers.back()) * numbers.back();
  }
  for (const double sum : sums) total += sum;
  EXPECT_EQ(sum_of_squares(numbers), total);
}

std::string target_name(const testing::TestParamInfo<std::int64_t>& target) {
  return hwy::TargetName(target.param);
}

INSTANTIATE_TEST_SUITE_P(Cpu, RowSums, testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
                         target_name);

TEST(NumberTypes, AreThoseThatAreReadAsNumbers) {
  EXPECT_EQ(number_type("F16"), NumberType::f16);
  EXPECT_EQ(number_type("I32"), std::nullopt);
  EXPECT_EQ(number_type(""), std::nullopt);
}

}  // namespace
}  // namespace mesh::models
