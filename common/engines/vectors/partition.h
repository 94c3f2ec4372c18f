// The vectors of one tenant in one generation, in memory.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>
#include <vector>

#include "common/domain/search.h"
#include "common/engines/vectors/codes.h"
#include "common/engines/vectors/fair_mutex.h"
#include "common/engines/vectors/pools.h"
#include "common/engines/vectors/shortlist.h"
#include "common/engines/vectors/sketch.h"
#include "common/engines/vectors/slot_lists.h"
#include "common/engines/vectors/slot_table.h"

namespace mesh::vectors {

// How many bytes of low planes the whole index keeps in memory.
struct FineBudget {
  explicit FineBudget(std::uint64_t limit) : left(limit) {}
  bool take(std::uint64_t bytes);
  void give_back(std::uint64_t bytes) { left.fetch_add(bytes, std::memory_order_relaxed); }
  std::atomic<std::uint64_t> left;
};

// What the partitions of a generation share. Changed by one thread at a time.
struct PartitionMemory {
  // Partitions of `approximate_from` vectors and more have sketches.
  PartitionMemory(int dimension, FineBudget& budget, std::size_t approximate_from);
  ~PartitionMemory();
  std::uint64_t bytes() const {
    return chunks.bytes() + fine_chunks.bytes() + sketch_pieces.bytes() + texts.bytes();
  }

  const int dimension;
  const std::size_t length;  // of a padded plane
  const std::size_t approximate_from;
  const SketchShape sketch_shape;
  ChunkPool chunks;
  ChunkPool fine_chunks;
  ChunkPool sketch_pieces;
  TextPool texts;
  FineBudget& budget;
  std::uint64_t fine_taken = 0;  // of the budget
};

// Vectors lie densely in slots 0…size-1, sixteen to a chunk; the last one takes the place of one
// that is removed. Any number of searches, beside one thread that changes.
class TenantPartition {
 public:
  TenantPartition(std::int64_t id, PartitionMemory& memory);

  std::int64_t id() const { return id_; }  // the row of `partitions`
  std::size_t size() const { return size_.load(std::memory_order_relaxed); }

  // Copies all that it is given. Waits for searches under way, not for those that come after.
  void upsert(std::int64_t user_id, const CodeView& code, TextPool::Pair email_and_name);
  bool remove(std::int64_t user_id);  // whether it was there

  struct Found {
    std::vector<SearchHit> hits;     // where the low planes are in memory
    std::vector<Candidate> inexact;  // else: what has to be scored by the stored codes
  };
  // The k best of at least `min_score`, and those whom `text` matches exactly; `tenant` is put into
  // the hits.
  Found search(const TenantId& tenant, const Query& query, int k, float min_score,
               const SearchText& text = {}) const;

 private:
  static constexpr std::size_t kChunkSlots = 16;
  friend struct PartitionMemory;
  struct Chunk {
    std::uint8_t* base;  // high planes, user ids, texts, scales
    std::int8_t* fine;   // low planes; null without fine_
  };
  struct SlotKey {
    const TenantPartition* partition;
    std::int64_t operator()(std::uint32_t slot) const { return partition->user_id(slot); }
  };
  static std::size_t chunk_bytes(std::size_t length);

  std::uint8_t* high(std::uint32_t slot) const;
  std::int8_t* low(std::uint32_t slot) const;  // with fine_ only
  std::int64_t& user_id(std::uint32_t slot) const;
  const char*& text(std::uint32_t slot) const;
  float& scale(std::uint32_t slot) const;

  std::uint32_t append(std::int64_t user_id);
  void add_chunk();
  void write(std::uint32_t slot, const CodeView& code);
  void move(std::uint32_t from, std::uint32_t to);
  void drop_last();
  void release_fine(Chunk& chunk);
  void list_texts(std::uint32_t slot);
  void unlist_texts(std::uint32_t slot);
  std::vector<Candidate> exact_matches(const Query& query, const SearchText& text) const;
  void keep_sketches();
  void scan(const Query& query, std::size_t first, Shortlist& list) const;
  void scan_sketches(const Query& query, const SketchQuery& sketch, std::size_t k,
                     Shortlist& list) const;

  const std::int64_t id_;
  PartitionMemory& memory_;
  mutable FairSharedMutex mutex_;
  std::atomic<std::size_t> size_{0};  // the rest is guarded by mutex_
  std::vector<Chunk> chunks_;
  // Low planes are in memory: all or, since a search needs those of all candidates, none. Once the
  // budget has refused one they stay in the file until the next start.
  bool fine_ = true;
  float largest_scale_ = 0;  // that any vector here ever had
  SlotTable<SlotKey> slots_;
  SlotLists emails_, names_;  // by their keys' hashes
  Sketches sketches_;         // of the first slots; of none in a small partition
};

}  // namespace mesh::vectors
