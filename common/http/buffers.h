// The memory that the connections of one server hold together: bodies until they are answered, and
// answers that wait for their readers.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace mesh::http {

class Reservation;

// So that nobody takes all of it, a tenant holds at most half of what the other tenants leave, and
// a peer at most three quarters of what the other peers leave: more than a tenant, since behind a
// proxy all tenants have the same peer. A peer is an address.
//
// Small holdings are counted in sum only, without a lock; all connections together take at most a
// quarter with them. Any thread.
class Buffers {
 public:
  Buffers(std::size_t max_bytes, int max_connections);
  // Bytes that are held now.
  std::size_t held() const { return held_.load(std::memory_order_relaxed); }

 private:
  friend class Reservation;
  struct Account {
    std::size_t bytes = 0;
    int reservations = 0;
  };
  using Accounts = std::unordered_map<std::string, Account>;

  // Whether an owner of `own` bytes may have `more`, at `parts` of four of what the others leave.
  bool allows(std::size_t own, std::size_t more, std::size_t parts) const;

  const std::size_t max_;
  const std::size_t small_;
  std::atomic<std::size_t> held_{0};
  std::mutex mutex_;
  Accounts peers_;    // guarded by mutex_
  Accounts tenants_;  // guarded by mutex_
};

// What one connection or request holds of it; given back at the end. One thread at a time.
class Reservation {
 public:
  Reservation() = default;
  explicit Reservation(std::shared_ptr<Buffers> buffers) : buffers_(std::move(buffers)) {}
  Reservation(Reservation&& other) noexcept { *this = std::move(other); }
  Reservation& operator=(Reservation&& other) noexcept {
    std::swap(buffers_, other.buffers_);
    std::swap(held_, other.held_);
    std::swap(peer_, other.peer_);
    std::swap(tenant_, other.tenant_);
    return *this;
  }
  ~Reservation();

  // Grows to `size` bytes in the name of `remote` ("address:port") and of `tenant` ("": none); the
  // names of the first growth beyond a small size count. False where they or all together would
  // hold too much; then nothing grows.
  [[nodiscard]] bool grow(std::size_t size, std::string_view remote, std::string_view tenant);
  // Whether it could grow to `size` now.
  [[nodiscard]] bool fits(std::size_t size, std::string_view remote, std::string_view tenant) const;
  // Gives all back and may grow anew.
  void clear() { *this = Reservation(buffers_); }

 private:
  using Entry = Buffers::Accounts::value_type;

  std::shared_ptr<Buffers> buffers_;
  std::size_t held_ = 0;
  Entry* peer_ = nullptr;    // set once it is counted by name
  Entry* tenant_ = nullptr;  // the same, where there is a tenant
};

}  // namespace mesh::http
