#include "common/cipher/tenant_cipher.h"

#include <algorithm>
#include <utility>

#include "common/base/ids.h"
#include "common/cipher/aead.h"
#include "common/domain/catalogue.h"

namespace mesh::cipher {
namespace {

constexpr std::string_view kAccounts[] = {"tenant.events", "billing.events", "task.events"};
constexpr int kIdBytes = 16;
constexpr std::size_t kMostRemembered = 10'000;  // some 300 bytes each

bool is_account(std::string_view topic) {
  return std::ranges::any_of(kAccounts, [&](std::string_view name) {
    return topic == name || topic == dead_letter_topic(name);
  });
}

// Neither ids, topics nor tenants hold a NUL.
std::string bound_to(std::string_view key_id, std::string_view topic, std::string_view key) {
  std::string bound(key_id);
  bound.append(1, '\0').append(topic).append(1, '\0').append(key);
  return bound;
}
std::string bound_to(const TenantKey& key) {
  return std::string(key.id).append(1, '\0').append(key.tenant.str());
}

bool is_key_header(const std::pair<std::string, std::string>& header) {
  return header.first == kKeyHeader;
}

}  // namespace

void remove_key_header(Record& record) { std::erase_if(record.headers, is_key_header); }

std::optional<TenantId> encrypted_for(const Record& record) {
  if (!record.value || is_account(record.topic)) return std::nullopt;
  auto tenant = TenantId::parse(tenant_of_key(record.key));
  return tenant ? std::optional(*std::move(tenant)) : std::nullopt;
}

void encrypt(Record& record, const DataKey& key) {
  // One that another producer gave it would be taken for the key's.
  remove_key_header(record);
  record.value = encrypt(key.bytes, *record.value, bound_to(key.id, record.topic, record.key));
  record.headers.emplace_back(kKeyHeader, key.id);
}

Status decrypt(StoredRecord& record, const DataKey& key) {
  auto value =
      decrypt(key.bytes, *record.value, bound_to(key.id, record.position.topic, record.key));
  if (!value) {
    return fail(ErrorKind::corrupt,
                "the value of " + to_string(record.position) +
                    " cannot be decrypted: it was changed, or written for another place",
                "tenant " + key.tenant.str() + ", key " + key.id);
  }
  record.value = std::move(value);
  std::erase_if(record.headers, is_key_header);
  return {};
}

std::string_view key_of(const StoredRecord& record) {
  return record.value ? find_header(record.headers, kKeyHeader) : std::string_view();
}

Result<DataKeyPtr> unwrap(const MasterKeys& masters, const TenantKey& key) {
  auto bytes = decrypt(masters.present, key.wrapped, bound_to(key));
  if (!bytes && masters.old) bytes = decrypt(*masters.old, key.wrapped, bound_to(key));
  if (bytes && bytes->size() == kKeyBytes) {
    return std::make_shared<const DataKey>(DataKey{key.id, key.tenant, *std::move(bytes)});
  }
  return fail(ErrorKind::corrupt,
              "the key of tenant " + key.tenant.str() +
                  " cannot be decrypted: tenants.master_key_file is not the one that it was made "
                  "with, or the store was changed",
              "key " + key.id);
}

TenantKey wrap(std::string_view master, const DataKey& key) {
  TenantKey wrapped{key.id, key.tenant, {}};
  wrapped.wrapped = encrypt(master, key.bytes, bound_to(wrapped));
  return wrapped;
}

DataKeyPtr TenantCipher::remembered(const TenantId& tenant) const {
  std::lock_guard lock(mutex_);
  const auto at = by_tenant_.find(tenant);
  return at != by_tenant_.end() && clock_.steady() < at->second.until ? at->second.key : nullptr;
}

bool TenantCipher::ages(const TenantId& tenant) const {
  std::lock_guard lock(mutex_);
  const auto at = by_tenant_.find(tenant);
  return at != by_tenant_.end() && clock_.steady() >= at->second.until - kKept / 2;
}

Result<DataKeyPtr> TenantCipher::key_of(const TenantId& tenant) {
  if (auto key = remembered(tenant)) return key;
  const auto asked = clock_.steady();
  const auto before = forgets();
  const DataKey made{random_hex(kIdBytes), tenant, random_bytes(kKeyBytes)};
  const TenantKey kept = MESH_TRY(store_.get_or_insert(wrap(masters_.present, made)));
  DataKeyPtr key = MESH_TRY(unwrap(masters_, kept));
  remember(by_tenant_, tenant, key, asked, before);
  return key;
}

Status TenantCipher::refresh(const TenantId& tenant) {
  const auto asked = clock_.steady();
  const auto before = forgets();
  const auto kept = MESH_TRY(store_.find(tenant));
  // Null where another process has dropped it: the next write makes one.
  DataKeyPtr key;
  if (kept) key = MESH_TRY(unwrap(masters_, *kept));
  remember(by_tenant_, tenant, std::move(key), asked, before);
  return {};
}

Result<bool> TenantCipher::decrypt(StoredRecord& record) {
  const DataKeyPtr key = MESH_TRY(key_by_id(cipher::key_of(record)));
  if (!key) return false;
  MESH_TRY(cipher::decrypt(record, *key));
  return true;
}

Result<DataKeyPtr> TenantCipher::key_by_id(std::string_view id) {
  const auto asked = clock_.steady();
  const auto before = forgets();
  {
    std::lock_guard lock(mutex_);
    const auto at = by_id_.find(id);
    if (at != by_id_.end() && asked < at->second.until) return at->second.key;
  }
  const auto found = MESH_TRY(store_.find_by_id(id));
  DataKeyPtr key;
  if (found) key = MESH_TRY(unwrap(masters_, *found));
  remember(by_id_, std::string(id), key, asked, before);
  return key;
}

template <typename Key>
void TenantCipher::remember(Memory<Key>& memory, Key name, DataKeyPtr key, SteadyTime asked,
                            std::uint64_t forgets) {
  std::lock_guard lock(mutex_);
  if (forgets != forgets_) return;
  if (memory.size() >= kMostRemembered) {
    std::erase_if(memory, [&](const auto& entry) { return entry.second.until <= asked; });
    if (memory.size() >= kMostRemembered) memory.clear();
  }
  memory.insert_or_assign(std::move(name), Remembered{std::move(key), asked + kKept});
}

void TenantCipher::forget(const TenantId& tenant) {
  std::lock_guard lock(mutex_);
  ++forgets_;
  by_tenant_.erase(tenant);
  std::erase_if(by_id_, [&](const auto& entry) {
    const DataKeyPtr& key = entry.second.key;
    return key && key->tenant == tenant;
  });
}

std::uint64_t TenantCipher::forgets() const {
  std::lock_guard lock(mutex_);
  return forgets_;
}

}  // namespace mesh::cipher
