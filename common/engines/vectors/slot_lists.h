// hash → the slots that have it, in some 25 bytes per slot. Slots of one hash are linked to each
// other, so that a hundred thousand users of one name cost no probing.
// An absl::flat_hash_map of vectors would allocate for each hash; Boost.Intrusive links objects,
// not slots that move.
#pragma once

#include <cstdint>
#include <vector>

namespace mesh::vectors {

// Each slot is in at most one list. Open addressing with linear probing, a cell per hash.
class SlotLists {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  // `slot` is in no list.
  void insert(std::uint32_t hash, std::uint32_t slot) {
    if ((hashes_ + 1) * 4 > cells_.size() * 3) grow();
    if (slot >= links_.size()) links_.resize(slot + 1);
    Cell& cell = cells_[cell_of(hash)];
    if (cell.first == kNone) {
      cell.hash = hash;
      ++hashes_;
    } else {
      links_[cell.first].before = slot;
    }
    links_[slot] = {cell.first, kNone};
    cell.first = slot;
  }
  // `slot` is in the list of `hash`.
  void erase(std::uint32_t hash, std::uint32_t slot) {
    const auto [next, before] = links_[slot];
    if (next != kNone) links_[next].before = before;
    if (before != kNone) {
      links_[before].next = next;
    } else if (next != kNone) {
      cells_[cell_of(hash)].first = next;
    } else {
      erase_cell(cell_of(hash));
    }
  }
  std::uint32_t first(std::uint32_t hash) const {
    return cells_.empty() ? kNone : cells_[cell_of(hash)].first;
  }
  std::uint32_t next(std::uint32_t slot) const { return links_[slot].next; }

 private:
  struct Cell {
    std::uint32_t hash = 0;
    std::uint32_t first = kNone;
  };
  struct Link {
    std::uint32_t next = kNone, before = kNone;
  };
  std::size_t mask() const { return cells_.size() - 1; }
  std::size_t home_of(std::uint32_t hash) const { return hash & mask(); }
  std::size_t cell_of(std::uint32_t hash) const {  // its cell, or the empty one where it belongs
    std::size_t i = home_of(hash);
    while (cells_[i].first != kNone && cells_[i].hash != hash) i = (i + 1) & mask();
    return i;
  }
  // Closes the gap: what probed across it moves back.
  void erase_cell(std::size_t hole) {
    for (std::size_t i = (hole + 1) & mask(); cells_[i].first != kNone; i = (i + 1) & mask()) {
      const std::size_t home = home_of(cells_[i].hash);
      if (((i - home) & mask()) >= ((i - hole) & mask())) {
        cells_[hole] = cells_[i];
        hole = i;
      }
    }
    cells_[hole] = {};
    --hashes_;
  }
  void grow() {
    std::vector<Cell> old(cells_.empty() ? 8 : cells_.size() * 2);
    old.swap(cells_);
    for (const auto& cell : old) {
      if (cell.first != kNone) cells_[cell_of(cell.hash)] = cell;
    }
  }

  std::vector<Cell> cells_;
  std::vector<Link> links_;  // by slot
  std::size_t hashes_ = 0;
};

}  // namespace mesh::vectors
