// user id → slot, in four bytes per entry: the ids themselves stand beside the vectors.
// absl::flat_hash_map would hold the id once more, and a byte to find it: 13 bytes and more.
#pragma once

#include <cstdint>
#include <vector>

namespace mesh::vectors {

// Open addressing with linear probing. `KeyOf` answers the user id that a slot holds; a slot's id
// must not change while it is in the table.
template <typename KeyOf>
class SlotTable {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  explicit SlotTable(KeyOf key_of) : key_of_(key_of) {}

  std::uint32_t find(std::int64_t key) const {
    if (cells_.empty()) return kNone;
    return cells_[cell_of(key)];
  }
  // `slot` holds its key already.
  void insert(std::uint32_t slot) {
    if ((size_ + 1) * 4 > cells_.size() * 3) grow();
    cells_[cell_of(key_of_(slot))] = slot;
    ++size_;
  }
  // The entry of `key`, which is in the table, now names another slot.
  void move(std::int64_t key, std::uint32_t slot) { cells_[cell_of(key)] = slot; }
  void erase(std::int64_t key) {
    std::size_t hole = cell_of(key);
    if (cells_[hole] == kNone) return;
    // Closes the gap: what probed across it moves back, so no tombstones gather.
    for (std::size_t i = next(hole); cells_[i] != kNone; i = next(i)) {
      const std::size_t home = home_of(key_of_(cells_[i]));
      if (((i - home) & mask()) >= ((i - hole) & mask())) {
        cells_[hole] = cells_[i];
        hole = i;
      }
    }
    cells_[hole] = kNone;
    --size_;
  }
  std::size_t bytes() const { return cells_.size() * sizeof(std::uint32_t); }

 private:
  std::size_t mask() const { return cells_.size() - 1; }
  std::size_t next(std::size_t i) const { return (i + 1) & mask(); }
  std::size_t home_of(std::int64_t key) const {
    auto h = static_cast<std::uint64_t>(key) * 0x9E3779B97F4A7C15ULL;
    return static_cast<std::size_t>(h ^ (h >> 32)) & mask();
  }
  std::size_t cell_of(std::int64_t key) const {  // its cell, or the empty one where it belongs
    std::size_t i = home_of(key);
    while (cells_[i] != kNone && key_of_(cells_[i]) != key) i = next(i);
    return i;
  }
  void grow() {
    std::vector<std::uint32_t> old(cells_.empty() ? 8 : cells_.size() * 2, kNone);
    old.swap(cells_);
    for (const auto slot : old) {
      if (slot != kNone) cells_[cell_of(key_of_(slot))] = slot;
    }
  }

  KeyOf key_of_;
  std::vector<std::uint32_t> cells_;
  std::size_t size_ = 0;
};

}  // namespace mesh::vectors
