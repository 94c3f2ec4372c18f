// Users: values and rules.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/domain/tenant.h"

namespace mesh {

struct User {
  std::int64_t id = 0;  // unique within the tenant, from 1
  std::string email;
  std::string name;
  TenantId tenant;
  std::int64_t version = 1;  // rises with each change; `ce_sequence` of the user's events
};

// {"id","email","name","tenantId"}: the public form and the value of user.* records.
Json to_json(const User& user);
std::string to_json_text(const User& user);  // the same, compact
// {"id","tenantId"}: the value of user.deleted, since what is deleted must not stay in the log.
std::string removal_json_text(const User& user);
// Reads the same: the types are checked, the rules for an address or a name are not, since what the
// log holds stays readable. `unprocessable`; ignores unknown fields; version stays 1.
Result<User> user_from_json(const Json& json);

struct NewUser {
  std::string email;
  std::string name;
};
struct UserPatch {
  std::optional<std::string> email;
  std::optional<std::string> name;
};

// Reads and validates {"email","name"}. Unknown fields, wrong types, an address that is not one
// (RFC 5321 and 6531 shape: local@domain, at most 254 bytes, a domain that IDNA knows), an empty
// name or one over 200 code points are `unprocessable` with pointers. "tenantId"/"tenant_id" are
// tolerated here and compared with the credential by the caller.
//
// White space around an address goes; within one, every character that cannot be seen, is of
// private use or not assigned is refused (is_invisible, is_unassigned: base/unicode.h). What cannot
// be seen around a name goes; within one, joiners, marks and the like stay, control characters,
// line separators and bidirectional embeddings, overrides and isolates are refused. What is left is
// kept as it was typed; email_key says which addresses are the same.
Result<NewUser> new_user_from_json(const Json& json);
Result<UserPatch> user_patch_from_json(const Json& json);  // at least one of both fields

// What makes two e-mails the same: without what cannot be seen, the local part in NFC and case
// folded, the domain in its one ASCII form (ascii_domain; one that has none in NFC and lower case).
// Also for text that is no address; its own key.
std::string email_key(std::string_view email);
// What makes two names the same: without what cannot be seen, one space between words, NFC, case
// folded. Empty for a name that shows nothing.
std::string name_key(std::string_view name);

}  // namespace mesh
