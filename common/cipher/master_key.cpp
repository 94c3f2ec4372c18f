#include "common/cipher/master_key.h"

#include <algorithm>

#include "common/base/strings.h"
#include "common/cipher/aead.h"
#include "common/ports/written_once.h"

namespace mesh::cipher {
namespace {

constexpr const char* kDocument = "master_key";
constexpr int kKeysAtOnce = 500;
constexpr int kTries = 10;  // others write the mark only while they exchange the key, too

// Nothing, encrypted: the tag tells one key from another, and neither.
std::string mark_of(std::string_view key) { return base64_encode(encrypt(key, "", kDocument)); }
bool is_of(std::string_view mark, std::string_view key) {
  const auto bytes = base64_decode(mark);
  return bytes && decrypt(key, *bytes, kDocument).has_value();
}

tl::unexpected<Error> is_another(const MasterKeys& masters) {
  const std::string kept =
      " than the one that the tenants' keys of this store are encrypted with: put that one back";
  if (masters.old) {
    return fail(ErrorKind::conflict,
                "tenants.master_key_file holds another key, and so does "
                "tenants.old_master_key_file," +
                    kept);
  }
  return fail(ErrorKind::conflict, "tenants.master_key_file holds another key" + kept +
                                       ", or name its file in tenants.old_master_key_file to "
                                       "exchange it");
}

Result<std::string> key_of_digits(std::string_view digits) {
  auto key = hex_decode(digits);
  if (key && key->size() == kKeyBytes) return *std::move(key);
  return fail(ErrorKind::invalid, "a master key is 64 hexadecimal digits");
}

// One key, or the two of an exchange that is not over.
Status check_mark(std::string_view mark, const MasterKeys& masters) {
  const auto parts = split(mark, ' ');
  const auto known = [&](std::string_view part) {
    return is_of(part, masters.present) || (masters.old && is_of(part, *masters.old));
  };
  const auto count = std::ranges::count_if(parts, known);
  if (count == static_cast<std::ptrdiff_t>(parts.size())) return {};
  if (count == 0) return is_another(masters);
  const std::string amid =
      "an exchange of the key of tenants.master_key_file is not over, and some of the tenants' "
      "keys are encrypted with the other one: ";
  if (!masters.old) {
    return fail(ErrorKind::conflict, amid + "name its file in tenants.old_master_key_file");
  }
  return fail(ErrorKind::conflict,
              amid +
                  "finish that one first, with both of its files in tenants.master_key_file and "
                  "tenants.old_master_key_file");
}

// The mark says that the present one is enough: a process of the old one alone may have made a key
// since, or the key is damaged.
tl::unexpected<Error> not_opened(const TenantId& tenant) {
  return fail(ErrorKind::conflict,
              "the key of the tenant " + tenant.str() +
                  " is not opened by tenants.master_key_file: name the file of the key before it "
                  "in tenants.old_master_key_file, and start once more; where none opens it, the "
                  "key is damaged, and a start with both leaves it as it is");
}

Status set_mark(EpochStore& marks, const std::string& mark) {
  for (int i = 1;; ++i) {
    const auto own = MESH_TRY(marks.take_over(kDocument));
    const Status written = marks.write(kDocument, own.epoch, mark);
    if (written || written.error().kind != ErrorKind::conflict || i == kTries) return written;
  }
}

}  // namespace

Result<MasterKeys> master_keys(std::string_view digits, std::optional<std::string_view> old_digits,
                               EpochStore& marks, KeyStore& keys) {
  MasterKeys masters{MESH_TRY(key_of_digits(digits)), {}};
  if (old_digits) masters.old = MESH_TRY(key_of_digits(*old_digits));
  const auto mark = MESH_TRY(written_once(marks, kDocument, [&]() -> Result<std::string> {
    // A migration leaves the mark behind, a repair may lose it; the tenants' keys are older.
    const auto wrapped = MESH_TRY(keys.any());
    if (!wrapped) return mark_of(masters.present);
    if (!unwrap(masters, *wrapped)) return is_another(masters);
    // Which of the keys are encrypted with which is not known here.
    if (masters.old) return mark_of(*masters.old) + " " + mark_of(masters.present);
    return mark_of(masters.present);
  }));
  MESH_TRY(check_mark(mark, masters));
  return masters;
}

Result<Exchanged> exchange_master_key(const MasterKeys& masters, EpochStore& marks,
                                      KeyStore& keys) {
  Exchanged done;
  const MasterKeys present{masters.present, {}};
  bool begun = false;
  for (std::string after;;) {
    const auto page = MESH_TRY(keys.list(after, kKeysAtOnce));
    std::vector<Rewrapping> changes;
    for (const TenantKey& key : page) {
      if (unwrap(present, key)) continue;
      if (!masters.old) return not_opened(key.tenant);
      const auto opened = unwrap(masters, key);
      if (!opened) {
        done.unreadable.push_back(key.tenant);
        continue;
      }
      changes.push_back({key, wrap(masters.present, **opened).wrapped});
    }
    if (!changes.empty()) {
      // Before the first of them: from then on neither key opens all of them alone.
      if (!std::exchange(begun, true)) {
        MESH_TRY(set_mark(marks, mark_of(*masters.old) + " " + mark_of(masters.present)));
      }
      done.rewrapped += MESH_TRY(keys.rewrap(changes));
    }
    if (page.size() < kKeysAtOnce) break;
    after = page.back().tenant.str();
  }
  // Of one that stays behind it is not known that the present one is enough.
  if (masters.old && done.unreadable.empty()) {
    MESH_TRY(set_mark(marks, mark_of(masters.present)));
  }
  return done;
}

}  // namespace mesh::cipher
