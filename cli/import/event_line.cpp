#include "cli/import/event_line.h"

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

Json of_record(const Json& record) {
  Json event{{"specversion", "1.0"}};
  for (const auto& [member, attribute] : {std::pair{"id", "id"},
                                          {"source", "source"},
                                          {"type", "type"},
                                          {"event_time", "time"},
                                          {"subject", "subject"},
                                          {"traceparent", "traceparent"}}) {
    if (filled(record, member)) event[attribute] = record[member];
  }
  event["data"] = record["value"];
  return event;
}

}  // namespace

Result<Json> event_of_data(Json data, const EventDefaults& defaults, const std::string& id) {
  Json event{{"specversion", "1.0"}};
  event["data"] = std::move(data);
  return completed(std::move(event), defaults, id);
}

Result<Json> event_of_line(std::string_view line, const EventDefaults& defaults,
                           const std::string& id) {
  auto json = parse_json(line);
  if (!json) return json;
  if (json->is_object()) {
    if (json->contains("specversion")) return completed(std::move(*json), defaults, id);
    if (json->contains("topic") && json->contains("offset") && json->contains("value")) {
      return completed(of_record(*json), defaults, id);
    }
  }
  if (defaults.type.empty()) {
    return fail(
        ErrorKind::invalid,
        "neither a CloudEvent nor a record of `events tail -o json`: for bare data give --type");
  }
  return event_of_data(std::move(*json), defaults, id);
}

}  // namespace mesh::cli
