#include "cli/import/event_line.h"

#include "common/base/strings.h"
#include "common/base/time.h"
#include "common/domain/record_json.h"

namespace mesh::cli {
namespace {

bool filled(const Json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() && !it->get_ref<const std::string&>().empty();
}

Result<Json> completed(Json event, const EventDefaults& defaults, const std::string& id) {
  if (!filled(event, "id")) event["id"] = id;
  if (!filled(event, "source")) event["source"] = defaults.source;
  if (!filled(event, "type")) {
    if (defaults.type.empty())
      return fail(ErrorKind::invalid, "the event has no \"type\" and no --type is given");
    event["type"] = defaults.type;
  }
  return event;
}

// The attribute that a record's header holds; empty for headers that hold none, and for what the
// new event has of its own.
std::string attribute_of(const std::string& header) {
  if (header == "content-type") return "datacontenttype";
  if (header == "traceparent" || header == "tracestate") return header;
  if (!header.starts_with("ce_") || header == "ce_specversion" || header == "ce_tenantid")
    return {};
  return header.substr(3);
}

// Data as the JSON format has it.
Status put_event_data(Json& event, const std::optional<std::string>& data) {
  if (!data) return {};
  const auto type = event.find("datacontenttype");
  const std::string content_type =
      type == event.end() ? std::string("application/json") : type->get<std::string>();
  Json members = Json::object();
  put_data(members, "data", content_type, data);
  // What has both is exact in the second alone.
  if (members.contains("data_base64")) members.erase("data");
  event.update(members);
  return {};
}

Result<Json> of_record(const Json& record) {
  Json event{{"specversion", "1.0"}};
  const auto headers = record.find("headers");
  for (const auto& [name, value] : headers->items()) {
    const std::string attribute = attribute_of(name);
    if (!attribute.empty() && value.is_string()) event[attribute] = value;
  }
  // Behind the headers, so that a member that was mended counts.
  for (const auto& [member, attribute] : {std::pair{"id", "id"},
                                          {"source", "source"},
                                          {"type", "type"},
                                          {"event_time", "time"},
                                          {"subject", "subject"},
                                          {"traceparent", "traceparent"}}) {
    if (filled(record, member)) event[attribute] = record[member];
  }
  auto data = MESH_TRY(data_of(record, "value", content_type_of(record)));
  MESH_TRY(put_event_data(event, data));
  return event;
}

}  // namespace

Result<Json> event_of_data(std::string_view data, const EventDefaults& defaults,
                           const std::string& id) {
  Json event{{"specversion", "1.0"}};
  event["data"] = raw_json(data);
  // When it happened, of a backfill; the server takes a `timestamp` that the type has itself.
  if (const auto members = parse_json(data); members && members->is_object()) {
    const bool rfc3339 =
        filled(*members, "time") && parse_rfc3339((*members)["time"].get_ref<const std::string&>());
    if (rfc3339 && !members->contains("timestamp")) event["time"] = (*members)["time"];
  }
  return completed(std::move(event), defaults, id);
}

Result<Json> event_of_line(std::string_view line, const EventDefaults& defaults,
                           const std::string& id) {
  auto json = parse_json(line);
  if (!json) return json;
  if (json->is_object()) {
    // A CloudEvent names itself so; a record of the log has none.
    if (json->contains("specversion")) {
      // The text, so that numbers keep their digits and members their order.
      if (json->contains("data")) (*json)["data"] = raw_json(member_text(line, "data"));
      return completed(std::move(*json), defaults, id);
    }
    if (json->contains("topic") && json->contains("offset") && json->contains("headers") &&
        (*json)["headers"].is_object()) {
      keep_value(*json, line);
      auto event = of_record(*json);
      if (event && defaults.keep_tenant && filled(*json, "tenant")) {
        (*event)["tenantid"] = (*json)["tenant"];
      }
      return event ? completed(std::move(*event), defaults, id) : std::move(event);
    }
  }
  if (defaults.type.empty()) {
    return fail(
        ErrorKind::invalid,
        "neither a CloudEvent nor a record of `events tail -o json`: for bare data give --type");
  }
  return event_of_data(trim(line), defaults, id);
}

}  // namespace mesh::cli
