#include "common/engines/sqlite/vectors/sketch.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "common/engines/sqlite/vectors/codes.h"

namespace mesh::sqlite {
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
      window_(std::bit_floor(length_)),
      first_rows_((length_ / kDotBlock + 2) / 3 * kDotBlock / 8) {
  std::uint64_t random = length_;
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
  const std::size_t first_nibbles = 2 * shape.first_rows();
  float most = 0;
  for (std::size_t j = 0; j < nibbles; ++j) {
    float reach = 0;
    for (std::size_t i = 4 * j; i < 4 * j + 4; ++i) reach += std::abs(rotated[i]);
    most = std::max(most, reach);
    base -= reach;
    if (j < first_nibbles) first_base -= reach;
  }
  // The kernel adds in 16 bits.
  const auto levels = static_cast<float>(
      std::min<std::size_t>(kSketchLevels, 65'535 / nibbles));
  step = 2 * most / levels;
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
  // The first rows say this share of the whole.
  const float share = static_cast<float>(nibbles) / static_cast<float>(first_nibbles);
  first_step = step * share;
  first_base *= share;
  margin = kDeviations * deviation(shape.length(), shape.length());
  first_margin = kDeviations * deviation(8 * shape.first_rows(), shape.length());
}

// A piece: first rows and factors of its blocks, then their other rows, so that the first look runs
// through memory.
SketchRows Sketches::first(std::size_t block) const {
  const std::size_t bytes = kSketchBlock * (shape_.first_rows() + sizeof(float));
  return {pieces_[block / kPieceBlocks] + block % kPieceBlocks * bytes, shape_.first_rows()};
}
float* Sketches::factors(std::size_t block) const {
  return reinterpret_cast<float*>(const_cast<std::uint8_t*>(first(block).bytes) +
                                  kSketchBlock * shape_.first_rows());
}
SketchRows Sketches::rest(std::size_t block) const {
  const std::size_t first_bytes = kSketchBlock * (shape_.first_rows() + sizeof(float));
  const std::size_t rows = shape_.rows() - shape_.first_rows();
  return {pieces_[block / kPieceBlocks] + kPieceBlocks * first_bytes +
              block % kPieceBlocks * kSketchBlock * rows,
          rows};
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
  const std::size_t block = slot / kSketchBlock;
  const std::size_t column = sketch_column(slot % kSketchBlock);
  const auto write_rows = [column](SketchRows rows, const float* numbers) {
    auto* bytes = const_cast<std::uint8_t*>(rows.bytes) + column;
    for (std::size_t row = 0; row < rows.count; ++row, numbers += 8, bytes += kSketchBlock) {
      unsigned bits = 0;
      for (unsigned i = 0; i < 8; ++i) {
        bits |= (~std::bit_cast<std::uint32_t>(numbers[i]) >> 31) << i;
      }
      *bytes = static_cast<std::uint8_t>(bits);
    }
  };
  write_rows(first(block), vector.data());
  write_rows(rest(block), vector.data() + 8 * shape_.first_rows());
  float sums[8] = {};
  for (std::size_t i = 0; i < n; i += 8) {
    for (std::size_t j = 0; j < 8; ++j) sums[j] += std::abs(vector[i + j]);
  }
  const float sum = std::accumulate(std::begin(sums), std::end(sums), 0.0F);
  // The signs' projection on the unit vector, whose numbers are scale * 256 * vector, has length
  // sum of their absolute values; the estimate of a score divides by it.
  factors(block)[slot % kSketchBlock] = sum > 0 && scale > 0 ? 1 / (256 * scale * sum) : 0;
}

void Sketches::survey(const SketchQuery& query, std::size_t count, Survey& survey) const {
  thread_local std::vector<std::pair<float, std::uint32_t>> leaders;
  leaders.clear();
  float least = -std::numeric_limits<float>::infinity();
  const auto cut = [&] {
    if (leaders.size() <= count) return;
    const auto end = leaders.begin() + static_cast<std::ptrdiff_t>(count);
    std::nth_element(leaders.begin(), end - 1, leaders.end(), std::greater<>());
    leaders.erase(end, leaders.end());
    least = leaders.back().first;
  };
  survey.best.resize(blocks_);
  float estimates[kSketchBlock];
  for (std::size_t block = 0; block < blocks_; ++block) {
    const float best = sketch_scores(first(block), {}, query.tables.data(), factors(block),
                                     query.first_base, query.first_step, estimates);
    survey.best[block] = best;
    if (best < least) continue;
    for (auto mask = sketch_mask(estimates, least); mask != 0; mask &= mask - 1) {
      const auto i = static_cast<std::size_t>(std::countr_zero(mask));
      leaders.emplace_back(estimates[i], static_cast<std::uint32_t>(block * kSketchBlock + i));
    }
    if (leaders.size() > 4 * count) cut();
  }
  cut();
  survey.leaders.clear();
  for (const auto& leader : leaders) survey.leaders.push_back(leader.second);
  std::sort(survey.leaders.begin(), survey.leaders.end());
}

std::uint64_t Sketches::candidates(const SketchQuery& query, std::size_t block,
                                   float least) const {
  float estimates[kSketchBlock];
  const float best = sketch_scores(first(block), rest(block), query.tables.data(), factors(block),
                                   query.base, query.step, estimates);
  return best < least ? 0 : sketch_mask(estimates, least);
}

}  // namespace mesh::sqlite
