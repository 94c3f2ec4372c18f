#include "common/models/row_sums.h"

#include <algorithm>
#include <cstdint>

// Compiled once per instruction set by foreach_target; HWY_DYNAMIC_DISPATCH picks one of them.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "common/models/row_sums.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace mesh::models::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// So many rows are on their way from memory while so many are added: rows lie anywhere in a model
// that is larger than the caches, and one at a time would be waited for.
constexpr std::size_t kRowsAhead = 16;
constexpr std::size_t kCacheLine = 64;
// Sums of squares beside each other, as many as the widest vector of doubles.
constexpr std::size_t kSums = 8;

// As many floats as vectors of their type and of kType both have.
template <NumberType kType>
using Tag = hn::CappedTag<float, kType == NumberType::f64 ? HWY_LANES(double) : HWY_LANES(float)>;

// The numbers from place `i` of a row.
template <NumberType kType, class D>
HWY_INLINE hn::Vec<D> LoadNumbers(D d, const std::byte* row, std::size_t i) {
  if constexpr (kType == NumberType::f32) {
    return hn::LoadU(d, reinterpret_cast<const float*>(row) + i);
  } else if constexpr (kType == NumberType::f64) {
    const hn::Rebind<double, D> d64;
    return hn::DemoteTo(d, hn::LoadU(d64, reinterpret_cast<const double*>(row) + i));
  } else if constexpr (kType == NumberType::f16) {
    const hn::Rebind<hwy::float16_t, D> d16;
    return hn::PromoteTo(d, hn::LoadU(d16, reinterpret_cast<const hwy::float16_t*>(row) + i));
  } else if constexpr (kType == NumberType::bf16) {
    const hn::Rebind<hwy::bfloat16_t, D> d16;
    return hn::PromoteTo(d, hn::LoadU(d16, reinterpret_cast<const hwy::bfloat16_t*>(row) + i));
  } else {
    const hn::Rebind<std::int8_t, D> d8;
    const hn::Rebind<std::int32_t, D> d32;
    const auto bytes = hn::LoadU(d8, reinterpret_cast<const std::int8_t*>(row) + i);
    return hn::ConvertTo(d, hn::PromoteTo(d32, bytes));
  }
}

// Adds to the sums of one vector of columns, from column `i`.
template <NumberType kType, class D>
HWY_INLINE void AddColumns(D d, const WeighedRow* rows, std::size_t count, std::size_t i,
                           float* out) {
  auto sum = hn::LoadU(d, out + i);
  for (std::size_t row = 0; row < count; ++row) {
    const auto weight = hn::Set(d, rows[row].weight);
    sum = hn::Add(sum, hn::Mul(weight, LoadNumbers<kType>(d, rows[row].numbers, i)));
  }
  hn::StoreU(sum, d, out + i);
}

// Likewise of four vectors, whose additions do not wait for each other.
template <NumberType kType, class D>
HWY_INLINE void AddFourColumns(D d, const WeighedRow* rows, std::size_t count, std::size_t i,
                               float* out) {
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t j = i + lanes, k = j + lanes, l = k + lanes;
  auto sum_i = hn::LoadU(d, out + i), sum_j = hn::LoadU(d, out + j);
  auto sum_k = hn::LoadU(d, out + k), sum_l = hn::LoadU(d, out + l);
  for (std::size_t row = 0; row < count; ++row) {
    const std::byte* const numbers = rows[row].numbers;
    const auto weight = hn::Set(d, rows[row].weight);
    sum_i = hn::Add(sum_i, hn::Mul(weight, LoadNumbers<kType>(d, numbers, i)));
    sum_j = hn::Add(sum_j, hn::Mul(weight, LoadNumbers<kType>(d, numbers, j)));
    sum_k = hn::Add(sum_k, hn::Mul(weight, LoadNumbers<kType>(d, numbers, k)));
    sum_l = hn::Add(sum_l, hn::Mul(weight, LoadNumbers<kType>(d, numbers, l)));
  }
  hn::StoreU(sum_i, d, out + i);
  hn::StoreU(sum_j, d, out + j);
  hn::StoreU(sum_k, d, out + k);
  hn::StoreU(sum_l, d, out + l);
}

template <NumberType kType>
HWY_INLINE void AddRows(const WeighedRow* rows, std::size_t count, std::size_t columns,
                        float* out) {
  const Tag<kType> d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + 4 * lanes <= columns; i += 4 * lanes) AddFourColumns<kType>(d, rows, count, i, out);
  for (; i + lanes <= columns; i += lanes) AddColumns<kType>(d, rows, count, i, out);
  for (; i < columns; ++i) AddColumns<kType>(hn::CappedTag<float, 1>(), rows, count, i, out);
}

HWY_INLINE void Fetch(const WeighedRow* rows, std::size_t count, std::size_t bytes) {
  for (std::size_t row = 0; row < count; ++row) {
    for (std::size_t at = 0; at < bytes; at += kCacheLine) hwy::Prefetch(rows[row].numbers + at);
  }
}

template <NumberType kType>
HWY_INLINE void SumRowsOf(const WeighedRow* rows, std::size_t count, std::size_t columns,
                          float* out) {
  std::fill_n(out, columns, 0.0F);
  const std::size_t bytes = columns * bytes_of(kType);
  std::size_t some = std::min(count, kRowsAhead);
  Fetch(rows, some, bytes);
  while (count > 0) {
    const std::size_t next = std::min(count - some, kRowsAhead);
    Fetch(rows + some, next, bytes);
    AddRows<kType>(rows, some, columns, out);
    rows += some;
    count -= some;
    some = next;
  }
}

void SumRows(NumberType type, const WeighedRow* rows, std::size_t count, std::size_t columns,
             float* out) {
  switch (type) {
    case NumberType::f32:
      return SumRowsOf<NumberType::f32>(rows, count, columns, out);
    case NumberType::f16:
      return SumRowsOf<NumberType::f16>(rows, count, columns, out);
    case NumberType::bf16:
      return SumRowsOf<NumberType::bf16>(rows, count, columns, out);
    case NumberType::f64:
      return SumRowsOf<NumberType::f64>(rows, count, columns, out);
    case NumberType::i8:
      return SumRowsOf<NumberType::i8>(rows, count, columns, out);
  }
}

double SumOfSquares(const float* numbers, std::size_t count) {
  const hn::CappedTag<double, kSums> d;
  const hn::Rebind<float, decltype(d)> d32;
  HWY_ALIGN double sums[kSums] = {};
  std::size_t i = 0;
  for (; i + kSums <= count; i += kSums) {
    for (std::size_t lane = 0; lane < kSums; lane += hn::Lanes(d)) {
      const auto number = hn::PromoteTo(d, hn::LoadU(d32, numbers + i + lane));
      const auto sum = hn::Add(hn::Load(d, sums + lane), hn::Mul(number, number));
      hn::Store(sum, d, sums + lane);
    }
  }
  for (; i < count; ++i) sums[i % kSums] += static_cast<double>(numbers[i]) * numbers[i];
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

void Scale(float* numbers, std::size_t count, double factor) {
  const hn::CappedTag<double, kSums> d;
  const hn::Rebind<float, decltype(d)> d32;
  const auto by = hn::Set(d, factor);
  std::size_t i = 0;
  for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) {
    const auto product = hn::Mul(hn::PromoteTo(d, hn::LoadU(d32, numbers + i)), by);
    hn::StoreU(hn::DemoteTo(d32, product), d32, numbers + i);
  }
  for (; i < count; ++i) numbers[i] = static_cast<float>(numbers[i] * factor);
}

}  // namespace mesh::models::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mesh::models {

HWY_EXPORT(SumRows);
HWY_EXPORT(SumOfSquares);
HWY_EXPORT(Scale);

std::optional<NumberType> number_type(std::string_view dtype) {
  if (dtype == "F32") return NumberType::f32;
  if (dtype == "F16") return NumberType::f16;
  if (dtype == "BF16") return NumberType::bf16;
  if (dtype == "F64") return NumberType::f64;
  if (dtype == "I8") return NumberType::i8;
  return std::nullopt;
}

void sum_rows(NumberType type, std::span<const WeighedRow> rows, std::span<float> out) {
  HWY_DYNAMIC_DISPATCH(SumRows)(type, rows.data(), rows.size(), out.size(), out.data());
}

double sum_of_squares(std::span<const float> numbers) {
  return HWY_DYNAMIC_DISPATCH(SumOfSquares)(numbers.data(), numbers.size());
}

void scale(std::span<float> numbers, double factor) {
  HWY_DYNAMIC_DISPATCH(Scale)(numbers.data(), numbers.size(), factor);
}

}  // namespace mesh::models
#endif  // HWY_ONCE
