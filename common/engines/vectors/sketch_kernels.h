// Kernels of the sketches (sketch.h), by the best instructions this CPU has. Pure functions, any
// thread; CPUs may differ in the last bit of a number.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mesh::vectors {

inline constexpr std::size_t kSketchBlock = 64;  // vectors

// Multiplies `window` numbers (a power of two, at least 64) by `signs`, then by the Walsh-Hadamard
// matrix.
void hadamard(float* numbers, std::size_t window, const float* signs);

// For each vector v of `count` blocks, which lie one after the other:
//   out[v] = factors[v] * (base + step * sum over rows j of
//            (tables[32j + low nibble of v's byte] + tables[32j + 16 + its high nibble]))
// A block is `rows` (a multiple of four) rows of kSketchBlock bytes, a byte per vector, and then
// kSketchBlock factors. Entries of tables are at most kSketchLevels, the sum less than 65536.
// Vector v's byte in a row stands at sketch_column(v). best: of each block the largest of out.
void sketch_scores(const std::uint8_t* blocks, std::size_t count, std::size_t rows,
                   const std::uint8_t* tables, float base, float step, float* out, float* best);

// Bit v is set where scores[v] >= least, of a block's scores.
std::uint64_t sketch_mask(const float* scores, float least);

inline constexpr int kSketchLevels = 31;  // four rows, two nibbles each, add up to a byte

// The kernel adds even and odd bytes apart: so its sums come out in the order of the vectors.
inline std::size_t sketch_column(std::size_t vector) {
  return vector < kSketchBlock / 2 ? 2 * vector : 2 * vector - kSketchBlock + 1;
}

}  // namespace mesh::vectors
