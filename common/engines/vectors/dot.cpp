#include "common/engines/vectors/dot.h"

// Compiled once per instruction set by foreach_target; HWY_DYNAMIC_DISPATCH picks one of them.
// Ice Lake's and Zen 4's VNNI (AVX3_DL) must be asked for.
#define HWY_WANT_AVX3_DL
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "common/engines/vectors/dot.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace mesh::vectors::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#undef MESH_DOT_TARGET
#if HWY_TARGET == HWY_AVX3_DL

// This set has AVX512-VNNI (Highway checks it when it picks), but 1.0.3 names another feature to
// the compiler.
#define MESH_DOT_TARGET __attribute__((target("avx512vnni")))

// Four products of u8 × i8 per 32-bit lane and instruction; Highway 1.0 has no name for it.
// Several rows at once hide the instruction's latency and share the query's loads.
template <int kRows>
MESH_DOT_TARGET inline void DotSomeRows(const std::uint8_t* rows, std::size_t length,
                                        const std::int8_t* query, std::int32_t* out) {
  __m512i sums[kRows];
  for (auto& sum : sums) sum = _mm512_setzero_si512();
  for (std::size_t i = 0; i < length; i += 64) {
    const __m512i q = _mm512_loadu_si512(query + i);
    for (int row = 0; row < kRows; ++row) {
      const __m512i r = _mm512_loadu_si512(rows + static_cast<std::size_t>(row) * length + i);
      sums[row] = _mm512_dpbusd_epi32(sums[row], r, q);
    }
  }
  for (int row = 0; row < kRows; ++row) out[row] = _mm512_reduce_add_epi32(sums[row]);
}

#else

#define MESH_DOT_TARGET

// A widening multiply of 16-bit lanes: u8 × i8 in 8-bit lanes would saturate (255 · 127 · 2).
template <int kRows>
HWY_INLINE void DotSomeRows(const std::uint8_t* rows, std::size_t length, const std::int8_t* query,
                            std::int32_t* out) {
  const hn::CappedTag<std::int16_t, kDotBlock> d16;
  const hn::RepartitionToWide<decltype(d16)> d32;
  const hn::Rebind<std::uint8_t, decltype(d16)> du8;
  const hn::Rebind<std::int8_t, decltype(d16)> di8;
  for (int row = 0; row < kRows; ++row, rows += length) {
    auto even = hn::Zero(d32);
    auto odd = hn::Zero(d32);
    for (std::size_t i = 0; i < length; i += hn::Lanes(d16)) {
      const auto q = hn::PromoteTo(d16, hn::LoadU(di8, query + i));
      const auto r = hn::PromoteTo(d16, hn::LoadU(du8, rows + i));
      even = hn::ReorderWidenMulAccumulate(d32, q, r, even, odd);
    }
    out[row] = hn::GetLane(hn::SumOfLanes(d32, hn::Add(even, odd)));
  }
}

#endif

MESH_DOT_TARGET void DotRows(const std::uint8_t* rows, std::size_t length, std::size_t count,
                             const std::int8_t* query, std::int32_t* out) {
  for (; count >= 4; count -= 4, rows += 4 * length, out += 4) {
    DotSomeRows<4>(rows, length, query, out);
  }
  for (; count > 0; --count, rows += length, ++out) DotSomeRows<1>(rows, length, query, out);
}

float DotFine(const std::uint8_t* high, const std::int8_t* low, const float* query,
              std::size_t length) {
  const hn::CappedTag<float, kDotBlock> df;
  const hn::Rebind<std::int32_t, decltype(df)> d32;
  const hn::Rebind<std::uint8_t, decltype(df)> du8;
  const hn::Rebind<std::int8_t, decltype(df)> di8;
  const auto middle = hn::Set(d32, 128);
  auto sum = hn::Zero(df);
  for (std::size_t i = 0; i < length; i += hn::Lanes(df)) {
    const auto h = hn::Sub(hn::PromoteTo(d32, hn::LoadU(du8, high + i)), middle);
    const auto l = hn::PromoteTo(d32, hn::LoadU(di8, low + i));
    const auto value = hn::ConvertTo(df, hn::Add(hn::ShiftLeft<8>(h), l));
    sum = hn::MulAdd(value, hn::LoadU(df, query + i), sum);
  }
  return hn::GetLane(hn::SumOfLanes(df, sum));
}

}  // namespace mesh::vectors::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mesh::vectors {

HWY_EXPORT(DotRows);
HWY_EXPORT(DotFine);

void dot_rows(const std::uint8_t* rows, std::size_t length, std::size_t count,
              const std::int8_t* query, std::int32_t* out) {
  HWY_DYNAMIC_DISPATCH(DotRows)(rows, length, count, query, out);
}

float dot_fine(const std::uint8_t* high, const std::int8_t* low, const float* query,
               std::size_t length) {
  return HWY_DYNAMIC_DISPATCH(DotFine)(high, low, query, length);
}

}  // namespace mesh::vectors
#endif  // HWY_ONCE
