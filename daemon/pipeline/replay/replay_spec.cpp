#include "daemon/pipeline/replay/replay_spec.h"

#include "common/base/json_members.h"
#include "common/base/time.h"
#include "common/domain/tenant.h"
#include "daemon/pipeline/groups.h"

namespace mesh::pipeline {
namespace {

Status read_text(const Json& json, std::string_view name, std::string& text) {
  auto value = MESH_TRY(text_member(json, name));
  if (value) text = std::move(*value);
  return {};
}

Status read_text(const Json& json, std::string_view name, std::optional<std::string>& text) {
  auto value = MESH_TRY(text_member(json, name));
  text = std::move(value);
  return {};
}

// Bounds may be written as numbers, too.
Status read_bound(const Json& json, std::string_view name, std::string& bound) {
  const auto member = json.find(name);
  const auto offset = member == json.end() ? std::nullopt : whole_number(*member);
  if (!offset) return read_text(json, name, bound);
  bound = std::to_string(*offset);
  return {};
}

Status check_tenant(const std::optional<std::string>& tenant) {
  if (!tenant) return {};
  auto parsed = TenantId::parse(*tenant);
  if (!parsed) return bad_member("tenant", parsed.error().message);
  return {};
}

Status read_partition(const Json& json, std::optional<int>& partition) {
  auto number = MESH_TRY(int_member(json, "partition"));
  if (!number) return {};
  if (*number < 0 || *number > 1'000'000) {
    return bad_member("partition", "must be the number of a partition");
  }
  partition = static_cast<int>(*number);
  return {};
}

}  // namespace

Result<ReplaySpec> replay_spec_from_json(const Json& json) {
  if (!json.is_object()) return fail(ErrorKind::invalid, "a replay must be a JSON object");
  ReplaySpec spec;
  // With "ranges", since the spec of a task that fix() made is read here, too.
  for (auto read :
       {only_members(json, {"topic", "pipeline", "from", "to", "tenant", "type", "partition",
                            "dry_run", "ranges"}),
        read_text(json, "topic", spec.topic), read_text(json, "pipeline", spec.pipeline),
        read_bound(json, "from", spec.from), read_bound(json, "to", spec.to),
        read_text(json, "tenant", spec.tenant), read_text(json, "type", spec.type),
        read_partition(json, spec.partition), check_tenant(spec.tenant)}) {
    if (!read) return fail(std::move(read.error()));
  }
  if (spec.topic.empty()) return bad_member("topic", "is missing");
  if (spec.pipeline.empty()) {
    if (const TopicGroup* reads = group_of(spec.topic)) spec.pipeline = reads->group;
  }
  if (spec.pipeline.empty()) {
    return bad_member("pipeline",
                      "is missing: none follows " + spec.topic +
                          " by default; there are user-index, analytics, chemical, metering");
  }
  return spec;
}

}  // namespace mesh::pipeline
