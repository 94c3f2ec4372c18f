// Keys that records of tenants are encrypted with: one per tenant and, after an erasure, a new one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/domain/tenant.h"

namespace mesh {

// As the store keeps it: encrypted itself, so that neither the store nor a backup of it reads a
// record.
struct TenantKey {
  std::string id;  // random, 32 hexadecimal digits; names it in records, and is never given again
  TenantId tenant;
  std::string wrapped;  // bytes
};

// A key that was encrypted anew.
struct Rewrapping {
  TenantKey key;        // as it was read
  std::string wrapped;  // takes the place of key.wrapped
};

// Any thread; calls block. Changes are durable when they return.
class KeyStore {
 public:
  virtual ~KeyStore() = default;
  // The tenant's key. Where it has none, `made` becomes it; of several that come at once one wins,
  // and all get that one.
  virtual Result<TenantKey> get_or_insert(const TenantKey& made) = 0;
  virtual Result<std::optional<TenantKey>> find(const TenantId& tenant) = 0;
  virtual Result<std::optional<TenantKey>> find_by_id(std::string_view id) = 0;
  // One of those that there are, whichever; nothing where there is none.
  virtual Result<std::optional<TenantKey>> any() = 0;
  // At most `limit` of the tenants' keys, in the order of their tenants, behind the tenant `after`;
  // "": from the first one on.
  virtual Result<std::vector<TenantKey>> list(std::string_view after, int limit) = 0;
  // In one commit; of those alone that are still as they were read. How many these are; after an
  // error that left it open some count as changed by another.
  virtual Result<std::int64_t> rewrap(const std::vector<Rewrapping>& all) = 0;
  // Gone for good: what was encrypted with them reads nobody any more. How many there were.
  virtual Result<std::int64_t> drop(const TenantId& tenant) = 0;
};

}  // namespace mesh
