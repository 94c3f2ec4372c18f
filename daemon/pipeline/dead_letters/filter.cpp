#include "daemon/pipeline/dead_letters/filter.h"

#include "common/base/json_members.h"
#include "common/domain/tenant.h"

namespace mesh::pipeline {

Result<DeadLetterFilter> dead_letter_filter_from_json(const Json& json) {
  if (!json.is_object()) return fail(ErrorKind::invalid, "a filter must be a JSON object");
  auto tenant = text_member(json, "tenant");
  auto cause = text_member(json, "cause");
  auto id = text_member(json, "id");
  for (auto* member : {&tenant, &cause, &id}) {
    if (!*member) return fail(std::move(member->error()));
  }
  if (*tenant) {
    if (auto parsed = TenantId::parse(**tenant); !parsed) {
      return bad_member("tenant", parsed.error().message);
    }
  }
  return DeadLetterFilter{std::move(*tenant), std::move(*cause), std::move(*id)};
}

}  // namespace mesh::pipeline
