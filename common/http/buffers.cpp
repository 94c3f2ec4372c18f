#include "common/http/buffers.h"

#include <algorithm>

namespace mesh::http {
namespace {

constexpr std::size_t kTenantParts = 2;  // of four
constexpr std::size_t kPeerParts = 3;
// Bodies up to this are held without the lock and without an account: most requests are so small.
constexpr std::size_t kMostUncounted = 16 << 10;

std::string_view address_of(std::string_view remote) { return remote.substr(0, remote.rfind(':')); }

}  // namespace

Buffers::Buffers(std::size_t max_bytes, int max_connections)
    // With so much each, all connections together hold a quarter without an account.
    : max_(max_bytes),
      small_(std::min(kMostUncounted,
                      max_bytes / (4 * static_cast<std::size_t>(std::max(max_connections, 1))))) {}

bool Buffers::allows(std::size_t own, std::size_t more, std::size_t parts) const {
  const std::size_t all = held();
  const std::size_t others = all > own ? all - own : 0;
  if (others >= max_) return false;
  // Of what the others leave and not of the whole: each further owner finds room, however much the
  // first ones took.
  const std::size_t share = (max_ - others) / 4 * parts;
  return own + more <= share && all + more <= max_;
}

bool Reservation::fits(std::size_t size, std::string_view remote, std::string_view tenant) const {
  // Not worth the lock; grow looks at the sum.
  if (size <= buffers_->small_) return true;
  std::lock_guard lock(buffers_->mutex_);
  const auto allows = [&](const Buffers::Accounts& accounts, std::string_view name,
                          std::size_t parts) {
    const auto found = accounts.find(std::string(name));
    return buffers_->allows(found == accounts.end() ? 0 : found->second.bytes, size, parts);
  };
  return allows(buffers_->peers_, address_of(remote), kPeerParts) &&
         (tenant.empty() || allows(buffers_->tenants_, tenant, kTenantParts));
}

bool Reservation::grow(std::size_t size, std::string_view remote, std::string_view tenant) {
  if (size <= held_) return true;
  Buffers& buffers = *buffers_;
  const std::size_t more = size - held_;
  // Added first and taken back where it was too much: two threads that add at once never both pass
  // the bound.
  if (peer_ == nullptr && size <= buffers.small_) {
    if (buffers.held_.fetch_add(more, std::memory_order_relaxed) + more > buffers.max_) {
      buffers.held_.fetch_sub(more, std::memory_order_relaxed);
      return false;
    }
    held_ = size;
    return true;
  }
  std::lock_guard lock(buffers.mutex_);
  // What was held without names before is theirs from now on.
  const auto open = [&](Buffers::Accounts& accounts, std::string_view name) {
    Entry& entry = *accounts.try_emplace(std::string(name)).first;
    entry.second.bytes += held_;
    ++entry.second.reservations;
    return &entry;
  };
  if (peer_ == nullptr) {
    peer_ = open(buffers.peers_, address_of(remote));
    if (!tenant.empty()) tenant_ = open(buffers.tenants_, tenant);
  }
  if (!buffers.allows(peer_->second.bytes, more, kPeerParts)) return false;
  if (tenant_ != nullptr && !buffers.allows(tenant_->second.bytes, more, kTenantParts)) {
    return false;
  }
  peer_->second.bytes += more;
  if (tenant_ != nullptr) tenant_->second.bytes += more;
  buffers.held_.fetch_add(more, std::memory_order_relaxed);
  held_ = size;
  return true;
}

Reservation::~Reservation() {
  if (buffers_ == nullptr) return;
  if (held_ > 0) buffers_->held_.fetch_sub(held_, std::memory_order_relaxed);
  if (peer_ == nullptr) return;
  std::lock_guard lock(buffers_->mutex_);
  const auto give_back = [this](Buffers::Accounts& accounts, Entry* entry) {
    if (entry == nullptr) return;
    entry->second.bytes -= held_;
    // Kept only while someone holds something in its name, or a server of many visitors would grow
    // for ever.
    if (--entry->second.reservations == 0) accounts.erase(accounts.find(entry->first));
  };
  give_back(buffers_->peers_, peer_);
  give_back(buffers_->tenants_, tenant_);
}

}  // namespace mesh::http
