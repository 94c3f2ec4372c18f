#include "common/domain/erasure.h"

#include <algorithm>

#include "common/base/strings.h"
#include "common/domain/event.h"

namespace mesh {

bool concerns(const ErasureTarget& target, std::string_view topic, std::string_view key) {
  if (!target.subject) return tenant_of_key(key) == target.tenant.str();
  return key == key_of(target.tenant, *target.subject) &&
         std::ranges::find(kTopicsOfUsers, topic) != kTopicsOfUsers.end();
}

std::optional<std::int64_t> user_id_of(const ErasureTarget& target) {
  if (!target.subject) return std::nullopt;
  const auto id = parse_int(*target.subject);
  // "007" is a subject of its own.
  return id && std::to_string(*id) == *target.subject ? id : std::nullopt;
}

tl::unexpected<Error> not_erasable(const ErasureTarget& target, std::string_view place) {
  return fail(ErrorKind::invalid, "there is nothing to erase of " +
                                      std::string(target.subject ? "a user" : "a tenant") +
                                      " at \"" + std::string(place) +
                                      "\": take a part that was counted and can go");
}

}  // namespace mesh
