// Vectors as numbers of 16 bits, in two planes of 8: the high plane alone is a quarter of the f32
// size and orders a scan; both together give scores within some 1e-5 of f32.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/engines/vectors/dot.h"

namespace mesh::vectors {

// A code, also as it is stored: f32 scale (little-endian), `dimension` bytes of the high plane
// (128 stands for 0), `dimension` bytes of the low one (signed).
//   component i of the unit vector = scale * (256 * (high[i] - 128) + low[i])
inline std::size_t code_bytes(int dimension) {
  return sizeof(float) + 2 * static_cast<std::size_t>(dimension);
}
// Bytes of one plane in memory, padded for the kernels.
inline std::size_t padded(int dimension) {
  return (static_cast<std::size_t>(dimension) + kDotBlock - 1) / kDotBlock * kDotBlock;
}

// Brings the vector to unit length; the zero vector stays zero. `invalid` when a component is not
// a number.
Result<std::string> encode(std::span<const float> vector);

struct CodeView {
  float scale = 0;
  std::string_view high;
  std::string_view low;
};
CodeView view_code(std::string_view code, int dimension);

// What a search looks for, prepared once for both kinds of scores. A vector of any length: coarse
// scores, margins and sketches are of its direction, so cosines; fine ones are the products with
// it.
class Query {
 public:
  static Result<Query> make(std::span<const float> vector);

  std::span<const float> unit() const { return unit_; }  // padded
  const std::int8_t* code() const { return code_.data(); }
  // The cosine that a product of `score` is made of; `score` for the zero vector.
  float cosine_of(float score) const;
  // From dot_rows(high, code()); off by some 5e-4.
  float coarse_score(float scale, std::int32_t dot) const {
    return static_cast<float>(dot - bias_) * coarse_scale_ * scale;
  }
  // Six standard deviations of what two coarse scores may be off against each other, for vectors up
  // to `scale`. A vector that belongs to the k best comes coarsely within it of the k-th.
  float margin(float scale) const;
  // -1…1: what leaves that has done so by rounding.
  float fine_score(float scale, const std::uint8_t* high, const std::int8_t* low) const;
  float fine_score(const CodeView& code) const;

 private:
  std::vector<float> unit_;
  std::vector<std::int8_t> code_;
  std::int32_t bias_ = 0;  // 128 * sum of code_: what the high plane's offset adds to a dot
  float coarse_scale_ = 0;
  double length_ = 0;
};

}  // namespace mesh::vectors
