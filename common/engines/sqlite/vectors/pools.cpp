#include "common/engines/sqlite/vectors/pools.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace mesh::sqlite {
namespace {

constexpr std::size_t kHugePage = 2 << 20;

std::size_t round_up(std::size_t n, std::size_t step) { return (n + step - 1) / step * step; }

Slab new_slab(std::size_t alignment, std::size_t bytes) {
  auto* memory = static_cast<std::uint8_t*>(std::aligned_alloc(alignment, bytes));
  if (memory == nullptr) throw std::bad_alloc();
  return Slab(memory);
}

// A piece of the TextPool: u32 length of the first text, u32 of the second, the texts.
constexpr std::size_t kHeader = 2 * sizeof(std::uint32_t);

std::size_t piece_bytes(std::size_t first, std::size_t second) {
  return round_up(kHeader + first + second, 8);
}

}  // namespace

std::uint8_t* ChunkPool::take() {
  if (!free_.empty()) {
    auto* chunk = free_.back();
    free_.pop_back();
    return chunk;
  }
  if (static_cast<std::size_t>(end_ - next_) < chunk_bytes_) {
    // Small at first, for the many generations and tests that stay small.
    const std::size_t wanted = std::clamp<std::size_t>(bytes(), 64 << 10, kHugePage);
    const bool huge = wanted == kHugePage;
    const std::size_t size = round_up(std::max(wanted, chunk_bytes_), huge ? kHugePage : 4096);
    slabs_.push_back(new_slab(huge ? kHugePage : 4096, size));
    next_ = slabs_.back().get();
    end_ = next_ + size;
    if (huge) madvise(next_, size, MADV_HUGEPAGE);  // only a wish: a refusal costs speed alone
    bytes_.fetch_add(size, std::memory_order_relaxed);
  }
  auto* chunk = next_;
  next_ += chunk_bytes_;
  return chunk;
}

TextPool::Pair TextPool::read(const char* text) {
  std::uint32_t sizes[2];
  std::memcpy(sizes, text, kHeader);
  return {{text + kHeader, sizes[0]}, {text + kHeader + sizes[0], sizes[1]}};
}

const char* TextPool::take(Pair pair) {
  const std::size_t size = piece_bytes(pair.first.size(), pair.second.size());
  char* piece = nullptr;
  if (size > kLargest) {
    auto own = std::make_unique<char[]>(size);
    piece = own.get();
    large_.emplace(piece, std::move(own));
    bytes_.fetch_add(size, std::memory_order_relaxed);
  } else if (auto& head = free_[size / kStep]; head != nullptr) {
    piece = head;
    std::memcpy(&head, piece, sizeof head);
  } else {
    if (static_cast<std::size_t>(end_ - next_) < size) {
      slabs_.push_back(new_slab(4096, kSlab));
      next_ = reinterpret_cast<char*>(slabs_.back().get());
      end_ = next_ + kSlab;
      bytes_.fetch_add(kSlab, std::memory_order_relaxed);
    }
    piece = next_;
    next_ += size;
  }
  const std::uint32_t sizes[2] = {static_cast<std::uint32_t>(pair.first.size()),
                                  static_cast<std::uint32_t>(pair.second.size())};
  std::memcpy(piece, sizes, kHeader);
  std::copy(pair.first.begin(), pair.first.end(), piece + kHeader);
  std::copy(pair.second.begin(), pair.second.end(), piece + kHeader + pair.first.size());
  return piece;
}

void TextPool::give_back(const char* text) {
  const auto pair = read(text);
  const std::size_t size = piece_bytes(pair.first.size(), pair.second.size());
  char* piece = const_cast<char*>(text);
  if (size > kLargest) {
    large_.erase(piece);
    bytes_.fetch_sub(size, std::memory_order_relaxed);
    return;
  }
  auto& head = free_[size / kStep];
  std::memcpy(piece, &head, sizeof head);
  head = piece;
}

}  // namespace mesh::sqlite
