// Weighed sums over rows of numbers as a file holds them, and what makes a unit vector of one, by
// the best instructions this CPU has (chosen at run time, once).
//
// Results are the same on every CPU: products are rounded before they are added, and the order of
// additions does not depend on how many numbers an instruction takes. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace mesh::models {

enum class NumberType { f32, f16, bf16, f64, i8 };
// Of safetensors' name ("F16"); nothing for another dtype.
std::optional<NumberType> number_type(std::string_view dtype);
constexpr std::size_t bytes_of(NumberType type) {
  switch (type) {
    case NumberType::i8:
      return 1;
    case NumberType::f16:
    case NumberType::bf16:
      return 2;
    case NumberType::f64:
      return 8;
    default:
      return 4;
  }
}

struct WeighedRow {
  const std::byte* numbers;  // as many as `out` has, little endian, at any alignment
  float weight;
};

// out[i] = the sum of weight * numbers[i] in float, in the order of the rows; zero without rows.
void sum_rows(NumberType type, std::span<const WeighedRow> rows, std::span<float> out);

// In double.
double sum_of_squares(std::span<const float> numbers);

// Multiplies each in double.
void scale(std::span<float> numbers, double factor);

}  // namespace mesh::models
