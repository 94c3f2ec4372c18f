// Memory of one generation, cut to its needs: a million users cost what they hold, and dropping
// the generation gives everything back at once.
// Boost.Pool asks for no huge pages, and std::pmr's resources cannot say what they hold.
//
// One thread at a time changes a pool (the one that applies changes); bytes() is for any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace mesh::vectors {

// Memory straight from the system, and straight back to it.
class Slab {
 public:
  explicit Slab(std::size_t bytes);  // of 2 MiB and more: in huge pages, where the system agrees
  ~Slab();
  Slab(Slab&& other) noexcept : data_(std::exchange(other.data_, nullptr)), bytes_(other.bytes_) {}
  Slab& operator=(Slab&&) = delete;
  std::uint8_t* data() const { return data_; }
  std::size_t size() const { return bytes_; }

 private:
  std::uint8_t* data_;
  std::size_t bytes_;
};

// Pieces of one size, aligned to 64 bytes. Pieces taken one after the other lie one after the
// other, so that a scan runs through memory. When none is out, the memory goes back to the system.
class ChunkPool {
 public:
  explicit ChunkPool(std::size_t chunk_bytes) : chunk_bytes_(chunk_bytes) {}
  std::uint8_t* take();
  void give_back(std::uint8_t* chunk);
  std::size_t chunk_bytes() const { return chunk_bytes_; }
  std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  const std::size_t chunk_bytes_;
  std::vector<Slab> slabs_;
  std::vector<std::uint8_t*> free_;
  std::size_t out_ = 0;
  std::uint8_t* next_ = nullptr;
  std::uint8_t* end_ = nullptr;
  std::atomic<std::uint64_t> bytes_{0};
};

// Two short texts in one piece: no header of an allocator and no spare capacity, which for a
// million e-mails and names is more than the texts themselves.
class TextPool {
 public:
  struct Pair {
    std::string_view first;
    std::string_view second;
  };
  const char* take(Pair pair);
  void give_back(const char* text);
  static Pair read(const char* text);
  std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kStep = 8;
  static constexpr std::size_t kLargest = 1024;  // beyond it a piece is an allocation of its own
  static constexpr std::size_t kSlab = 64 << 10;

  std::vector<Slab> slabs_;
  std::array<char*, kLargest / kStep + 1> free_{};  // lists by size, linked through the pieces
  std::unordered_map<const char*, std::unique_ptr<char[]>> large_;
  char* next_ = nullptr;
  char* end_ = nullptr;
  std::atomic<std::uint64_t> bytes_{0};
};

}  // namespace mesh::vectors
