#include "common/engines/vectors/codes.h"

#include <bit>
#include <cmath>
#include <cstring>

namespace mesh::vectors {
namespace {

static_assert(std::endian::native == std::endian::little, "the stored scale is little-endian");

// The largest value whose high part, rounded, still fits -127…127.
constexpr float kLargest = 127 * 256;

Result<double> length_of(std::span<const float> vector) {
  double sum = 0;
  for (const float v : vector) sum += static_cast<double>(v) * v;
  // A sum that overflows counts as well: no length could be made of it.
  if (!std::isfinite(sum)) {
    return fail(ErrorKind::invalid, "the vector has a component that is not a finite number");
  }
  return std::sqrt(sum);
}

// 1 / length; 0 for the zero vector.
double inverse(double length) { return length > 0 ? 1 / length : 0; }

// As std::lround, without a call for each component.
int rounded(double value) { return static_cast<int>(value + std::copysign(0.5, value)); }

float largest(std::span<const float> vector) {
  float most = 0;
  for (const float v : vector) most = std::max(most, std::abs(v));
  return most;
}

}  // namespace

Result<std::string> encode(std::span<const float> vector) {
  const double norm = inverse(MESH_TRY(length_of(vector)));
  const std::size_t n = vector.size();
  std::string code(sizeof(float) + 2 * n, '\0');
  const double most = norm * largest(vector);
  const auto scale = static_cast<float>(most / kLargest);
  std::memcpy(code.data(), &scale, sizeof scale);
  const double factor = most > 0 ? norm * kLargest / most : 0;
  for (std::size_t i = 0; i < n; ++i) {
    const int value = rounded(vector[i] * factor);
    // Rounded and not cut, so that the low part is -128…127 and the high plane alone is the nearest
    // step.
    const int high = (value + 128) >> 8;
    // Unsigned for the kernel, whose instruction multiplies u8 by i8.
    code[sizeof(float) + i] = static_cast<char>(high + 128);
    code[sizeof(float) + n + i] = static_cast<char>(value - high * 256);
  }
  return code;
}

CodeView view_code(std::string_view code, int dimension) {
  const auto n = static_cast<std::size_t>(dimension);
  CodeView view;
  std::memcpy(&view.scale, code.data(), sizeof view.scale);
  view.high = code.substr(sizeof(float), n);
  view.low = code.substr(sizeof(float) + n, n);
  return view;
}

Result<Query> Query::make(std::span<const float> vector) {
  Query query;
  query.length_ = MESH_TRY(length_of(vector));
  const double norm = inverse(query.length_);
  const std::size_t length = padded(static_cast<int>(vector.size()));
  query.unit_.resize(length);
  query.code_.resize(length);
  const double most = norm * largest(vector);
  const double factor = most > 0 ? 127 / most : 0;
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < vector.size(); ++i) {
    const double unit = vector[i] * norm;
    query.unit_[i] = static_cast<float>(unit);
    query.code_[i] = static_cast<std::int8_t>(rounded(unit * factor));
    sum += query.code_[i];
  }
  // The high plane has 128 for 0, which adds this much to each dot.
  query.bias_ = 128 * sum;
  query.coarse_scale_ = static_cast<float>(256 * most / 127);
  return query;
}

float Query::cosine_of(float score) const {
  return length_ > 0 ? static_cast<float>(score / length_) : score;
}

float Query::margin(float scale) const {
  // Rounding to a step is off by step/sqrt(12) in a component; weighted by a unit vector, the sum
  // over the components is off by as much. Both sides are rounded, and two scores compared.
  const float vector_step = 256 * scale;
  const float query_step = coarse_scale_ / 256;
  const float variance = (vector_step * vector_step + query_step * query_step) / 12;
  return 6 * std::sqrt(2 * variance);
}

float Query::fine_score(float scale, const std::uint8_t* high, const std::int8_t* low) const {
  const float cosine = scale * dot_fine(high, low, unit_.data(), unit_.size());
  return static_cast<float>(std::clamp(length_ * cosine, -1.0, 1.0));
}

float Query::fine_score(const CodeView& code) const {
  // A stored code is not padded; the kernels read whole blocks.
  std::string planes(2 * unit_.size(), '\0');
  std::memcpy(planes.data(), code.high.data(), code.high.size());
  std::memcpy(planes.data() + unit_.size(), code.low.data(), code.low.size());
  return fine_score(code.scale, reinterpret_cast<const std::uint8_t*>(planes.data()),
                    reinterpret_cast<const std::int8_t*>(planes.data() + unit_.size()));
}

}  // namespace mesh::vectors
