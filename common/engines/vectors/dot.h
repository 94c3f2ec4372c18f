// Dot products, by the best instructions this CPU has (chosen at run time, once).
//
// Lengths are multiples of kDotBlock; what pads a vector is zero on the query's side. The integer
// results are the same on every CPU. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mesh::vectors {

inline constexpr std::size_t kDotBlock = 64;

// out[i] = rows[i*length …] · query, for `count` rows that lie one after the other. Exact while
// length <= 65536.
void dot_rows(const std::uint8_t* rows, std::size_t length, std::size_t count,
              const std::int8_t* query, std::int32_t* out);

// The sum of (256 * (high[i] - 128) + low[i]) * query[i].
float dot_fine(const std::uint8_t* high, const std::int8_t* low, const float* query,
               std::size_t length);

}  // namespace mesh::vectors
