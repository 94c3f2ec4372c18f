#include "common/engines/vectors/pools.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace mesh::vectors {
namespace {

constexpr std::size_t kHugePage = 2 << 20;

std::size_t round_up(std::size_t n, std::size_t step) { return (n + step - 1) / step * step; }

// A piece of the TextPool: u32 length of the first text, u32 of the second, the texts.
constexpr std::size_t kHeader = 2 * sizeof(std::uint32_t);

std::size_t piece_bytes(std::size_t first, std::size_t second) {
  return round_up(kHeader + first + second, 8);
}

}  // namespace

Slab::Slab(std::size_t bytes) : bytes_(bytes) {
  // Huge pages need an aligned range: what sticks out of it is given back.
  const std::size_t alignment = bytes >= kHugePage ? kHugePage : 0;
  void* raw =
      mmap(nullptr, bytes + alignment, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (raw == MAP_FAILED) throw std::bad_alloc();
  data_ = static_cast<std::uint8_t*>(raw);
  if (alignment == 0) return;
  const std::size_t over = reinterpret_cast<std::uintptr_t>(raw) % alignment;
  const std::size_t head = over == 0 ? 0 : alignment - over;
  if (head > 0) munmap(data_, head);
  data_ += head;
  if (alignment > head) munmap(data_ + bytes, alignment - head);
  madvise(data_, bytes, MADV_HUGEPAGE);  // a wish: a refusal costs speed alone
}

Slab::~Slab() {
  if (data_ != nullptr) munmap(data_, bytes_);
}

std::uint8_t* ChunkPool::take() {
  ++out_;
  if (!free_.empty()) {
    auto* chunk = free_.back();
    free_.pop_back();
    return chunk;
  }
  if (static_cast<std::size_t>(end_ - next_) < chunk_bytes_) {
    // Small at first, for the many generations and tests that stay small.
    const std::size_t wanted = std::clamp<std::size_t>(bytes(), 64 << 10, kHugePage);
    const std::size_t page = wanted == kHugePage ? kHugePage : 4096;
    slabs_.emplace_back(round_up(std::max(wanted, chunk_bytes_), page));
    next_ = slabs_.back().data();
    end_ = next_ + slabs_.back().size();
    bytes_.fetch_add(slabs_.back().size(), std::memory_order_relaxed);
  }
  auto* chunk = next_;
  next_ += chunk_bytes_;
  return chunk;
}

void ChunkPool::give_back(std::uint8_t* chunk) {
  free_.push_back(chunk);
  // Pieces come back in any order, so a slab by itself may never be free; all of them are when none
  // is out.
  if (--out_ > 0) return;
  free_ = {};
  slabs_.clear();
  next_ = end_ = nullptr;
  bytes_.store(0, std::memory_order_relaxed);
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
    // A free piece holds the address of the next one of its size; by memcpy, since it is no pointer
    // there.
    std::memcpy(&head, piece, sizeof head);
  } else {
    if (static_cast<std::size_t>(end_ - next_) < size) {
      slabs_.emplace_back(kSlab);
      next_ = reinterpret_cast<char*>(slabs_.back().data());
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
  // The size is in the piece itself, so that callers keep a pointer and nothing else.
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

}  // namespace mesh::vectors
