#include "common/domain/erasure.h"

#include <algorithm>

#include "common/base/json_members.h"
#include "common/base/strings.h"
#include "common/domain/catalogue.h"

namespace mesh {

bool is_of_users(std::string_view topic) {
  if (is_dead_letter_topic(topic)) topic.remove_suffix(dead_letter_topic("").size());
  return std::ranges::find(kTopicsOfUsers, topic) != kTopicsOfUsers.end();
}

bool concerns(const ErasureTarget& target, const StoredRecord& record) {
  const std::string& tenant = target.tenant.str();
  if (target.subject && !is_of_users(record.position.topic)) return false;
  if (target.subject ? record.key == key_of(target.tenant, *target.subject)
                     : tenant_of_key(record.key) == tenant) {
    return true;
  }
  const auto header = [&](std::string_view name) { return find_header(record.headers, name); };
  if (!target.subject && header(dead_letter::kTenant) == tenant) return true;
  // Where the header is there it is what counts, and nothing need be read.
  if (const auto named = header("ce_tenantid"); !named.empty()) {
    return named == tenant && (!target.subject || header("ce_subject") == *target.subject);
  }
  const auto event = from_record(record);
  return event && event->tenant == target.tenant &&
         (!target.subject || event->subject == *target.subject);
}

std::optional<std::int64_t> user_id_of(const ErasureTarget& target) {
  if (!target.subject) return std::nullopt;
  const auto id = parse_int(*target.subject);
  // "007" is a subject of its own. Ids begin at 1: of what is no user's, stores note 0.
  return id && *id > 0 && std::to_string(*id) == *target.subject ? id : std::nullopt;
}

tl::unexpected<Error> not_erasable(const ErasureTarget& target, std::string_view place) {
  return fail(ErrorKind::invalid, "there is nothing to erase of " +
                                      std::string(target.subject ? "a user" : "a tenant") +
                                      " at \"" + std::string(place) +
                                      "\": take a part that was counted and can go");
}

Json to_json(const ErasureTarget& target) {
  Json json{{"tenant", target.tenant.str()}};
  if (target.subject) json["subject"] = *target.subject;
  return json;
}

std::string to_string(const ErasureTarget& target) {
  return target.subject ? "user " + *target.subject + " of tenant " + target.tenant.str()
                        : "tenant " + target.tenant.str();
}

Result<ErasureTarget> erasure_target_from_json(const Json& json) {
  if (!json.is_object()) return fail(ErrorKind::unprocessable, "a target must be an object");
  const auto tenant = MESH_TRY(string_member(json, "tenant"));
  if (!tenant) return bad_member("tenant", "is missing");
  auto id = TenantId::parse(*tenant);
  if (!id) return bad_member("tenant", id.error().message);
  auto subject = MESH_TRY(string_member(json, "subject"));
  // All of the tenant's would go where a user was meant.
  if (subject && subject->empty()) return bad_member("subject", "must not be empty");
  return ErasureTarget{std::move(*id), std::move(subject)};
}

}  // namespace mesh
