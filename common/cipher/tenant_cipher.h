// Encrypts the values of tenants' records with keys of the tenants' own. Without its key nobody
// reads a value any more, wherever a copy of it is: dropping the key erases what the log holds.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/domain/event.h"
#include "common/ports/key_store.h"

namespace mesh::cipher {

// On a record whose value is encrypted: the id of the key.
inline constexpr std::string_view kKeyHeader = "mesh_key";
void remove_key_header(Record& record);

// The tenant of a record that is to be encrypted. Nothing for one that has no value or belongs to
// no tenant, nor for those of tenant.events, billing.events and task.events, and their dead
// letters: that is the mesh's own account of a tenant, which outlives its data.
std::optional<TenantId> encrypted_for(const Record& record);

struct DataKey {
  std::string id;
  TenantId tenant;
  std::string bytes;
};
using DataKeyPtr = std::shared_ptr<const DataKey>;

// The value becomes nonce, ciphertext and tag, bound to the key's id, the topic and the record's
// key: a value that is moved elsewhere does not decrypt. Key and other headers stay as they are,
// since the log places and compacts by them. A key bears any number of values (aead.h).
void encrypt(Record& record, const DataKey& key);
// The value as it was before, and the header gone. `corrupt` where the value, its place or the key
// is not what was written.
Status decrypt(StoredRecord& record, const DataKey& key);
// The id of its key; empty where it is not encrypted. As long as the record.
std::string_view key_of(const StoredRecord& record);

// The keys that tenants' keys are encrypted with, each of kKeyBytes.
struct MasterKeys {
  std::string present;             // encrypts
  std::optional<std::string> old;  // opens what `present` does not; null: none is exchanged
};

// `corrupt` where the key was wrapped with none of these.
Result<DataKeyPtr> unwrap(const MasterKeys& masters, const TenantKey& key);
// The key as it is stored. `master` has kKeyBytes.
TenantKey wrap(std::string_view master, const DataKey& key);

// Any thread.
class TenantCipher {
 public:
  // How long a key is remembered: so late a process may see that another has dropped it, and until
  // then reads with it, and writes what nobody reads later.
  static constexpr Duration kKept{5'000};

  // Store and clock outlive it.
  TenantCipher(KeyStore& store, MasterKeys masters, Clock& clock)
      : store_(store), masters_(std::move(masters)), clock_(clock) {}

  // The tenant's key where it is remembered, else null. Does not block.
  DataKeyPtr remembered(const TenantId& tenant) const;
  // Whether it is remembered for less than half of its time: refresh() it. Does not block.
  bool ages(const TenantId& tenant) const;
  // The tenant's key, which is made where there is none. Blocks.
  Result<DataKeyPtr> key_of(const TenantId& tenant);
  // Asks the store for it anew, and makes none; where that fails, what was remembered stays.
  // Blocks.
  Status refresh(const TenantId& tenant);
  // Decrypts one that is encrypted; false, and the record as it is, where its key was dropped.
  // Blocks unless the key is remembered; the store's error where it cannot be asked.
  Result<bool> decrypt(StoredRecord& record);
  // Nothing of the tenant's keys is remembered: for whoever has dropped them.
  void forget(const TenantId& tenant);

 private:
  struct Remembered {
    DataKeyPtr key;  // null: it was dropped
    SteadyTime until;
  };
  template <typename Key>
  using Memory = std::map<Key, Remembered, std::less<>>;

  Result<DataKeyPtr> key_by_id(std::string_view id);
  // Of a question to the store that began at `asked`, after as many calls of forget().
  template <typename Key>
  void remember(Memory<Key>& memory, Key name, DataKeyPtr key, SteadyTime asked,
                std::uint64_t forgets);
  std::uint64_t forgets() const;

  KeyStore& store_;
  const MasterKeys masters_;
  Clock& clock_;
  mutable std::mutex mutex_;
  Memory<TenantId> by_tenant_;  // this and the following guarded by mutex_
  Memory<std::string> by_id_;
  std::uint64_t forgets_ = 0;  // an answer of before one of them is not remembered
};

}  // namespace mesh::cipher
