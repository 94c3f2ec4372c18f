#include <algorithm>
#include <array>

#include "common/base/time.h"
#include "daemon/pipeline/replay.h"

namespace mesh::pipeline {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kPipelineOfTopic{{
    {"user.events", "user-index"},
    {"analytics.events", "analytics"},
    {"chemical.events", "chemical"},
}};

Status read_text(const Json& json, const char* name, std::string& text) {
  const auto member = json.find(name);
  if (member == json.end() || member->is_null()) return {};
  if (!member->is_string() || member->get_ref<const std::string&>().empty()) {
    return fail(ErrorKind::invalid, std::string("\"") + name + "\" must be a text");
  }
  text = member->get<std::string>();
  return {};
}

Status read_text(const Json& json, const char* name, std::optional<std::string>& text) {
  std::string value;
  auto read = read_text(json, name, value);
  if (read && !value.empty()) text = std::move(value);
  return read;
}

// Bounds may be written as numbers, too.
Status read_bound(const Json& json, const char* name, std::string& bound) {
  const auto member = json.find(name);
  if (member == json.end() || !member->is_number_integer()) return read_text(json, name, bound);
  bound = std::to_string(member->get<std::int64_t>());
  return {};
}

Status check_tenant(const std::optional<std::string>& tenant) {
  if (!tenant) return {};
  auto parsed = TenantId::parse(*tenant);
  if (!parsed) return fail(std::move(parsed.error()));
  return {};
}

Status read_members(const Json& json, ReplaySpec& spec) {
  for (auto read : {read_text(json, "topic", spec.topic),
                    read_text(json, "pipeline", spec.pipeline), read_bound(json, "from", spec.from),
                    read_bound(json, "to", spec.to), read_text(json, "tenant", spec.tenant),
                    read_text(json, "type", spec.type), check_tenant(spec.tenant)}) {
    if (!read) return read;
  }
  const auto partition = json.find("partition");
  if (partition == json.end() || partition->is_null()) return {};
  if (!partition->is_number_integer() || partition->get<std::int64_t>() < 0 ||
      partition->get<std::int64_t>() > 1'000'000) {
    return fail(ErrorKind::invalid, "\"partition\" must be the number of a partition");
  }
  spec.partition = partition->get<int>();
  return {};
}

}  // namespace

Result<ReplaySpec> replay_spec_from_json(const Json& json) {
  constexpr std::array<std::string_view, 9> kMembers{
      "topic", "pipeline", "from", "to", "tenant", "type", "partition", "dry_run", "ranges"};
  if (!json.is_object()) return fail(ErrorKind::invalid, "a replay must be a JSON object");
  for (const auto& [name, value] : json.items()) {
    if (std::ranges::find(kMembers, name) == kMembers.end()) {
      return fail(
          ErrorKind::invalid,
          "unknown member \"" + name.substr(0, 100) +
              "\"; allowed are topic, pipeline, from, to, tenant, type, partition, dry_run");
    }
  }
  ReplaySpec spec;
  if (auto read = read_members(json, spec); !read) return fail(std::move(read.error()));
  if (spec.topic.empty()) return fail(ErrorKind::invalid, "\"topic\" is missing");
  if (spec.pipeline.empty()) {
    for (const auto& [topic, pipeline] : kPipelineOfTopic) {
      if (topic == spec.topic) spec.pipeline = pipeline;
    }
  }
  if (spec.pipeline.empty()) {
    return fail(ErrorKind::invalid, "\"pipeline\" is missing: no pipeline follows " + spec.topic);
  }
  return spec;
}

Json to_json(const ReplayEstimate& estimate) {
  auto counts = [](const std::map<std::string, std::int64_t>& values) {
    Json json = Json::object();
    for (const auto& [name, count] : values) json[name] = count;
    return json;
  };
  auto time = [&](Timestamp t) {
    return estimate.matching > 0 ? Json(format_rfc3339(t)) : Json(nullptr);
  };
  return {{"scanned", estimate.scanned},         {"matching", estimate.matching},
          {"by_type", counts(estimate.by_type)}, {"by_tenant", counts(estimate.by_tenant)},
          {"seconds", estimate.seconds},         {"first", time(estimate.first)},
          {"last", time(estimate.last)}};
}

Result<DeadLetterFilter> dead_letter_filter_from_json(const Json& json) {
  if (!json.is_object()) return fail(ErrorKind::invalid, "a filter must be a JSON object");
  // A misspelt member must not widen a purge to everything.
  constexpr std::array<std::string_view, 4> kMembers{"topic", "tenant", "cause", "id"};
  for (const auto& [name, value] : json.items()) {
    if (std::ranges::find(kMembers, name) == kMembers.end()) {
      return fail(ErrorKind::invalid, "unknown member \"" + name.substr(0, 100) +
                                          "\"; allowed are topic, tenant, cause, id");
    }
  }
  DeadLetterFilter filter;
  for (auto read :
       {read_text(json, "tenant", filter.tenant), read_text(json, "cause", filter.cause_class),
        read_text(json, "id", filter.event_id), check_tenant(filter.tenant)}) {
    if (!read) return fail(std::move(read.error()));
  }
  return filter;
}

}  // namespace mesh::pipeline
