// Sketches: one bit per dimension, which tell the few vectors that may be among the best of a
// large partition from the many that cannot.
//
// A vector is turned by a fixed random rotation; its sketch is the signs of what comes out, and a
// factor. The scalar product of the signs with the (rotated) query, times the factor, estimates the
// score. Over the random rotation the estimate is unbiased and its error is normal with a known
// standard deviation, 0.76/sqrt(dimension), for every vector and every query (this is RaBitQ, Gao
// and Long, SIGMOD 2024). So what is left out is left out on a bound that needs no training, knows
// no drift, and holds for data without clusters and queries unlike the data.
//
// Why all bits at once: a look at a third of them first would rule out nearly all blocks of
// clustered vectors, but with names hardly one in six, and its second look then costs what it
// saved.
//
// Why neither k-means cells nor a graph: on 100,000 users as the hashing embedder sees them, asked
// for names, parts of addresses and typos, cells in their order of nearness led half of the
// searches to all ten best only after 10 to 60% of the vectors, and HNSW (M 16) stayed at recall
// 0.96 with a beam of 512. Sketches have above 0.999 there. Cells want training, HNSW some 400 us
// per insertion.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/engines/vectors/pools.h"
#include "common/engines/vectors/sketch_kernels.h"

namespace mesh::vectors {

// What the sketches of one dimension have in common.
class SketchShape {
 public:
  explicit SketchShape(int dimension);

  std::size_t dimension() const { return dimension_; }
  std::size_t length() const { return length_; }  // of a padded plane
  std::size_t rows() const { return length_ / 8; }
  std::size_t block_bytes() const { return kSketchBlock * (rows() + sizeof(float)); }
  void rotate(float* vector) const;

 private:
  const std::size_t dimension_;
  const std::size_t length_;
  const std::size_t window_;  // the largest power of two that fits
  std::vector<float> signs_;
};

// A query, prepared for the scan of sketches.
struct SketchQuery {
  SketchQuery(const SketchShape& shape, std::span<const float> unit);

  std::vector<std::uint8_t> tables;  // by nibble: what its four signs add, in steps
  float step = 0;
  float base = 0;
  // By how much an estimate may fall short of the score, but for one vector in some 700.
  float margin = 0;
};

// The sketches of slots 0…size()-1 of a partition; whole blocks. Locked by the partition.
class Sketches {
 public:
  static constexpr std::size_t kPieceBlocks = 16;  // of memory taken at once
  Sketches(const SketchShape& shape, ChunkPool& pool) : shape_(shape), pool_(pool) {}

  std::size_t blocks() const { return blocks_; }
  std::size_t size() const { return blocks_ * kSketchBlock; }
  void add_block();  // its sketches are written next
  void drop_block();
  // By the vector's high plane (codes.h).
  void write(std::uint32_t slot, const std::uint8_t* high, float scale);

  // What the sketches of a stretch of blocks say of the scores.
  struct Survey {
    static constexpr std::size_t kMostBlocks = 1024;  // a multiple of kPieceBlocks
    std::size_t begin = 0;                            // its first block
    std::vector<float> estimates;                     // by slot
    std::vector<float> best;                          // by block: its largest
    // An estimate that `count` of them or some more reach; 0 < count <= best.size().
    float reached_by(std::size_t count) const;
  };
  // Of the blocks from `begin` on, a multiple of kPieceBlocks.
  void survey(const SketchQuery& query, std::size_t begin, Survey& survey) const;

 private:
  std::uint8_t* block(std::size_t number) const;  // rows, then factors

  const SketchShape& shape_;
  ChunkPool& pool_;
  std::size_t blocks_ = 0;
  std::vector<std::uint8_t*> pieces_;
};

}  // namespace mesh::vectors
