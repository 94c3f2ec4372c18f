#include "common/engines/vectors/sketch_kernels.h"

// Compiled once per instruction set by foreach_target; HWY_DYNAMIC_DISPATCH picks one of them.
#define HWY_WANT_AVX3_DL
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "common/engines/vectors/sketch_kernels.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace mesh::vectors::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SCALAR  // a lane is a single number there

void Hadamard(float* numbers, std::size_t window, const float* signs) {
  for (std::size_t i = 0; i < window; ++i) numbers[i] *= signs[i];
  for (std::size_t stride = 1; stride < window; stride *= 2) {
    for (std::size_t i = 0; i < window; ++i) {
      if ((i & stride) != 0) continue;
      const float a = numbers[i], b = numbers[i + stride];
      numbers[i] = a + b;
      numbers[i + stride] = a - b;
    }
  }
}

void SketchScores(const std::uint8_t* blocks, std::size_t count, std::size_t rows,
                  const std::uint8_t* tables, float base, float step, float* out, float* best) {
  for (std::size_t block = 0; block < count; ++block, out += kSketchBlock) {
    std::int32_t sums[kSketchBlock] = {};
    for (std::size_t row = 0; row < rows; ++row, blocks += kSketchBlock) {
      for (std::size_t v = 0; v < kSketchBlock; ++v) {
        const unsigned byte = blocks[sketch_column(v)];
        sums[v] += tables[32 * row + (byte & 15)] + tables[32 * row + 16 + (byte >> 4)];
      }
    }
    const auto* factors = reinterpret_cast<const float*>(blocks);
    blocks += kSketchBlock * sizeof(float);
    best[block] = -1e30F;
    for (std::size_t v = 0; v < kSketchBlock; ++v) {
      out[v] = factors[v] * (base + step * static_cast<float>(sums[v]));
      best[block] = out[v] > best[block] ? out[v] : best[block];
    }
  }
}

std::uint64_t SketchMask(const float* scores, float least) {
  std::uint64_t mask = 0;
  for (std::size_t v = 0; v < kSketchBlock; ++v) {
    mask |= static_cast<std::uint64_t>(scores[v] >= least) << v;
  }
  return mask;
}

#else

// Sums and differences of what lies `stride` apart.
template <class D>
HWY_INLINE void Butterflies(D d, float* numbers, std::size_t window, std::size_t stride) {
  for (std::size_t base = 0; base < window; base += 2 * stride) {
    for (std::size_t i = base; i < base + stride; i += hn::Lanes(d)) {
      const auto a = hn::LoadU(d, numbers + i);
      const auto b = hn::LoadU(d, numbers + i + stride);
      hn::StoreU(hn::Add(a, b), d, numbers + i);
      hn::StoreU(hn::Sub(a, b), d, numbers + i + stride);
    }
  }
}

void Hadamard(float* numbers, std::size_t window, const float* signs) {
  const hn::CappedTag<float, 4> d4;
  const hn::CappedTag<float, 16> d16;
  alignas(16) static constexpr float kOdd[4] = {1, -1, 1, -1};
  alignas(16) static constexpr float kUpper[4] = {1, 1, -1, -1};
  const auto odd = hn::Load(d4, kOdd);
  const auto upper = hn::Load(d4, kUpper);
  const auto four = [&](std::size_t i) {
    auto v = hn::Mul(hn::LoadU(d4, numbers + i), hn::LoadU(d4, signs + i));
    v = hn::Add(hn::Mul(v, odd), hn::Shuffle2301(v));
    return hn::Add(hn::Mul(v, upper), hn::Shuffle1032(v));
  };
  for (std::size_t i = 0; i < window; i += 16) {
    const auto a = four(i), b = four(i + 4), c = four(i + 8), d = four(i + 12);
    const auto ab = hn::Add(a, b), a_b = hn::Sub(a, b);
    const auto cd = hn::Add(c, d), c_d = hn::Sub(c, d);
    hn::StoreU(hn::Add(ab, cd), d4, numbers + i);
    hn::StoreU(hn::Add(a_b, c_d), d4, numbers + i + 4);
    hn::StoreU(hn::Sub(ab, cd), d4, numbers + i + 8);
    hn::StoreU(hn::Sub(a_b, c_d), d4, numbers + i + 12);
  }
  // The first four steps were done in registers above.
  for (std::size_t stride = 16; stride < window; stride *= 2) {
    Butterflies(d16, numbers, window, stride);
  }
}

// What lies so far ahead is fetched already: the processor alone would wait a quarter of the time.
constexpr std::size_t kAhead = 2048;  // bytes

// What a row adds, by byte.
template <class D8>
HWY_INLINE hn::Vec<D8> Row(D8 d8, const std::uint8_t* bytes, const std::uint8_t* table) {
  const hn::Repartition<std::uint16_t, D8> d16;
  hwy::Prefetch(bytes + kAhead);
  const auto nibble = hn::Set(d8, 0x0F);
  const auto both = hn::LoadU(d8, bytes);
  const auto low = hn::And(both, nibble);
  const auto high = hn::And(hn::BitCast(d8, hn::ShiftRight<4>(hn::BitCast(d16, both))), nibble);
  return hn::Add(hn::TableLookupBytes(hn::LoadDup128(d8, table), low),
                 hn::TableLookupBytes(hn::LoadDup128(d8, table + 16), high));
}

void SketchScores(const std::uint8_t* blocks, std::size_t count, std::size_t rows,
                  const std::uint8_t* tables, float base, float step, float* out, float* best) {
  constexpr hn::CappedTag<std::uint8_t, kSketchBlock> d8;
  const hn::Repartition<std::uint16_t, hn::CappedTag<std::uint8_t, kSketchBlock> > d16;
  const hn::CappedTag<float, 16> df;
  const hn::Rebind<std::int32_t, decltype(df)> d32;
  const hn::Rebind<std::uint16_t, decltype(df)> du16;
  const auto steps = hn::Set(df, step);
  const auto bases = hn::Set(df, base);
  alignas(64) std::uint16_t wide[kSketchBlock];
  const std::size_t n = hn::Lanes(d8);
  const std::size_t block_bytes = kSketchBlock * (rows + sizeof(float));
  for (std::size_t block = 0; block < count; ++block, blocks += block_bytes, out += kSketchBlock) {
    for (std::size_t column = 0; column < kSketchBlock; column += n) {
      auto pairs = hn::Zero(d16);  // all bytes, as numbers of 16 bits
      auto odd = hn::Zero(d16);    // the upper ones alone
      const auto row = [&](std::size_t r) HWY_ATTR {
        return Row(d8, blocks + r * kSketchBlock + column, tables + 32 * r);
      };
      // Four rows of two tables of at most kSketchLevels each still fit in a byte; beyond that the
      // sums need 16 bits.
      for (std::size_t r = 0; r < rows; r += 4) {
        const auto sum =
            hn::BitCast(d16, hn::Add(hn::Add(row(r), row(r + 1)), hn::Add(row(r + 2), row(r + 3))));
        pairs = hn::Add(pairs, sum);
        odd = hn::Add(odd, hn::ShiftRight<8>(sum));
      }
      // Without the upper bytes what is left are the lower ones; so the sums come out by even and
      // odd columns (sketch_column).
      hn::StoreU(hn::Sub(pairs, hn::ShiftLeft<8>(odd)), d16, wide + column / 2);
      hn::StoreU(odd, d16, wide + kSketchBlock / 2 + column / 2);
    }
    const auto* factors = reinterpret_cast<const float*>(blocks + kSketchBlock * rows);
    auto most = hn::Set(df, -1e30F);
    for (std::size_t i = 0; i < kSketchBlock; i += hn::Lanes(df)) {
      const auto sum = hn::ConvertTo(df, hn::PromoteTo(d32, hn::LoadU(du16, wide + i)));
      const auto score = hn::Mul(hn::LoadU(df, factors + i), hn::MulAdd(steps, sum, bases));
      hn::StoreU(score, df, out + i);
      most = hn::Max(most, score);
    }
    best[block] = hn::GetLane(hn::MaxOfLanes(df, most));
  }
}

std::uint64_t SketchMask(const float* scores, float least) {
  const hn::CappedTag<float, 16> df;
  const auto limit = hn::Set(df, least);
  std::uint64_t mask = 0;
  for (std::size_t v = 0; v < kSketchBlock; v += hn::Lanes(df)) {
    std::uint8_t bits[8] = {};  // StoreMaskBits writes whole bytes
    hn::StoreMaskBits(df, hn::Ge(hn::LoadU(df, scores + v), limit), bits);
    mask |= static_cast<std::uint64_t>(bits[0] | bits[1] << 8) << v;
  }
  return mask;
}

#endif

}  // namespace mesh::vectors::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mesh::vectors {

HWY_EXPORT(Hadamard);
HWY_EXPORT(SketchScores);
HWY_EXPORT(SketchMask);

void hadamard(float* numbers, std::size_t window, const float* signs) {
  HWY_DYNAMIC_DISPATCH(Hadamard)(numbers, window, signs);
}

void sketch_scores(const std::uint8_t* blocks, std::size_t count, std::size_t rows,
                   const std::uint8_t* tables, float base, float step, float* out, float* best) {
  HWY_DYNAMIC_DISPATCH(SketchScores)(blocks, count, rows, tables, base, step, out, best);
}

std::uint64_t sketch_mask(const float* scores, float least) {
  return HWY_DYNAMIC_DISPATCH(SketchMask)(scores, least);
}

}  // namespace mesh::vectors
#endif  // HWY_ONCE
