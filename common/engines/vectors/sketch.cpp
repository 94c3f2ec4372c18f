#include "common/engines/vectors/sketch.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <numeric>

#include "common/engines/vectors/codes.h"

namespace mesh::vectors {
namespace {

// Standard deviations of an estimate's error that a margin grants. A vector in the k best is lost
// only when its own estimate is off by more *and* it scores like the k-th.
constexpr float kDeviations = 3;

std::uint64_t next_random(std::uint64_t& state) {  // SplitMix64: the same signs everywhere
  state += 0x9E3779B97F4A7C15ULL;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

// The error's standard deviation when `bits` signs of a vector of `length` dimensions are known.
float deviation(std::size_t bits, std::size_t length) {
  const auto n = static_cast<double>(length);
  const double cosine2 = 2 / M_PI * static_cast<double>(bits) / n;  // of the signs to the vector
  return static_cast<float>(std::sqrt((1 / cosine2 - 1) / n));
}

}  // namespace

SketchShape::SketchShape(int dimension)
    : dimension_(static_cast<std::size_t>(dimension)),
      length_(padded(dimension)),
      window_(std::bit_floor(length_)) {
  // The same for every process and start: sketches of one dimension are comparable always.
  std::uint64_t random = length_;
  // The transform's length is taken back within the signs, so that a turn keeps lengths.
  const float unit = 1 / std::sqrt(static_cast<float>(window_));
  for (std::size_t i = 0; i < 3 * window_; ++i) {
    signs_.push_back((next_random(random) & 1) != 0 ? unit : -unit);
  }
}

// Three turns of a window at the start, the end, and the start: every number comes to depend on
// every other.
void SketchShape::rotate(float* vector) const {
  hadamard(vector, window_, signs_.data());
  hadamard(vector + length_ - window_, window_, signs_.data() + window_);
  hadamard(vector, window_, signs_.data() + 2 * window_);
}

SketchQuery::SketchQuery(const SketchShape& shape, std::span<const float> unit)
    : tables(4 * shape.length()) {
  std::vector<float> rotated(unit.begin(), unit.end());
  shape.rotate(rotated.data());
  const std::size_t nibbles = shape.length() / 4;
  float most = 0;
  for (std::size_t j = 0; j < nibbles; ++j) {
    float reach = 0;
    for (std::size_t i = 4 * j; i < 4 * j + 4; ++i) reach += std::abs(rotated[i]);
    most = std::max(most, reach);
    base -= reach;
  }
  // The kernel adds in 16 bits.
  const auto levels = static_cast<float>(std::min<std::size_t>(kSketchLevels, 65'535 / nibbles));
  step = 2 * most / levels;
  // A query of zeros finds every estimate 0.
  const float inverse = step > 0 ? 1 / step : 0;
  for (std::size_t j = 0; j < nibbles; ++j) {
    const float* q = rotated.data() + 4 * j;
    auto* table = tables.data() + 16 * j;
    float sums[16] = {0.5F};  // twice the components whose bits are set, less those below zero
    for (int i = 0; i < 4; ++i) sums[0] -= std::min(2 * q[i], 0.0F) * inverse;
    for (unsigned bits = 0; bits < 16; ++bits) {
      if (bits > 0) {
        sums[bits] = sums[bits & (bits - 1)] + 2 * q[std::countr_zero(bits)] * inverse;
      }
      table[bits] = static_cast<std::uint8_t>(std::clamp(sums[bits], 0.0F, levels));
    }
  }
  margin = kDeviations * deviation(shape.length(), shape.length());
}

std::uint8_t* Sketches::block(std::size_t number) const {
  return pieces_[number / kPieceBlocks] + number % kPieceBlocks * shape_.block_bytes();
}

void Sketches::add_block() {
  if (blocks_ == pieces_.size() * kPieceBlocks) pieces_.push_back(pool_.take());
  ++blocks_;
}

void Sketches::drop_block() {
  --blocks_;
  if (blocks_ % kPieceBlocks != 0) return;
  pool_.give_back(pieces_.back());
  pieces_.pop_back();
}

void Sketches::write(std::uint32_t slot, const std::uint8_t* high, float scale) {
  thread_local std::vector<float> vector;
  const std::size_t n = shape_.length();
  vector.assign(n, 0);
  for (std::size_t i = 0; i < shape_.dimension(); ++i) {
    vector[i] = static_cast<float>(high[i] - 128);
  }
  shape_.rotate(vector.data());
  auto* const rows = block(slot / kSketchBlock);
  const std::size_t at = slot % kSketchBlock;
  auto* column = rows + sketch_column(at);
  for (std::size_t row = 0; row < shape_.rows(); ++row, column += kSketchBlock) {
    unsigned bits = 0;
    for (unsigned i = 0; i < 8; ++i) {
      // The sign bit and no comparison, so that the loop has no branch; -0 counts as negative,
      // which is as good.
      bits |= (~std::bit_cast<std::uint32_t>(vector[8 * row + i]) >> 31) << i;
    }
    *column = static_cast<std::uint8_t>(bits);
  }
  float sums[8] = {};
  for (std::size_t i = 0; i < n; i += 8) {
    for (std::size_t j = 0; j < 8; ++j) sums[j] += std::abs(vector[i + j]);
  }
  const float sum = std::accumulate(std::begin(sums), std::end(sums), 0.0F);
  // The signs' projection on the unit vector, whose numbers are scale * 256 * vector, has length
  // sum of their absolute values; the estimate of a score divides by it.
  reinterpret_cast<float*>(rows + kSketchBlock * shape_.rows())[at] =
      sum > 0 && scale > 0 ? 1 / (256 * scale * sum) : 0;
}

void Sketches::survey(const SketchQuery& query, std::size_t begin, Survey& survey) const {
  const std::size_t count = std::min(blocks_ - begin, Survey::kMostBlocks);
  survey.begin = begin;
  survey.estimates.resize(count * kSketchBlock);
  survey.best.resize(count);
  for (std::size_t i = 0; i < count; i += kPieceBlocks) {
    sketch_scores(block(begin + i), std::min(count - i, kPieceBlocks), shape_.rows(),
                  query.tables.data(), query.base, query.step,
                  survey.estimates.data() + i * kSketchBlock, survey.best.data() + i);
  }
}

// Found among the best of groups of blocks: to look among the blocks would cost five times as much.
float Sketches::Survey::reached_by(std::size_t count) const {
  // At least twice as many groups as are wanted, where there are so many blocks: their tops are
  // then near the best of all.
  const std::size_t group = std::max<std::size_t>(best.size() / (2 * count), 1);
  std::vector<float> tops;
  for (std::size_t i = 0; i + group <= best.size(); i += group) {
    tops.push_back(*std::max_element(&best[i], &best[i] + group));
  }
  const auto last = tops.begin() + static_cast<std::ptrdiff_t>(count) - 1;
  std::nth_element(tops.begin(), last, tops.end(), std::greater<>());
  return *last;
}

}  // namespace mesh::vectors
