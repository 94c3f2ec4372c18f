#include "daemon/services/cloudevents.h"

#include <algorithm>
#include <set>

#include "common/base/json.h"
#include "common/base/json_members.h"
#include "common/base/strings.h"
#include "common/domain/catalogue.h"
#include "daemon/services/event_parts.h"

namespace mesh::services {
namespace {

constexpr std::size_t kMaxErrors = 20;
// What the JSON format may add to an event's data, beside base64's third.
constexpr std::size_t kMaxAround = 65536;

// Reads data that came as bytes, and leaves in the event what can stand within other JSON: a byte
// order mark is no part of the document.
Result<Json> parse_data(Event& event) {
  event.data.erase(0, event.data.size() - without_bom(event.data).size());
  if (without_bom(event.data).size() != event.data.size()) {
    return fail(ErrorKind::invalid, "malformed JSON at byte 3: a second byte order mark");
  }
  // Data may nest 32 deep in every form: an event around it adds one level, a batch another.
  return parse_json(event.data, {.max_depth = 32, .max_bytes = event.data.size()});
}

// Takes the member `data` of the JSON format into the event; its text is `text`.
Status take_data(Event& event, const Json& data, std::string_view text) {
  if (data.is_null()) return {};
  if (event.content_type.empty()) event.content_type = kJsonContent;
  if (is_json_content(event.content_type)) {
    event.data = one_line(text);
  } else if (data.is_string()) {
    event.data = data.get<std::string>();
  } else {
    return offence("/data", "must be a string, or data_base64, since datacontenttype " +
                                event.content_type + " is not JSON");
  }
  return {};
}

// One event in the JSON format, which is `json`; its text is `text`.
Result<Event> from_json(const http::Request& request, const Json& json, std::string_view text,
                        const IngestRules& rules, Strictness strictness, Timestamp now) {
  if (!json.is_object()) return offence("", "an event must be a JSON object");
  Event event = blank_event(request, now);
  bool has_version = false;
  const Json* data = nullptr;
  std::optional<std::string> binary;
  for (const auto& [name, value] : json.items()) {
    if (name == "data") {
      data = &value;
    } else if (value.is_null()) {
      continue;  // an attribute that is not there
    } else if (name == "data_base64") {
      binary =
          value.is_string() ? base64_decode(value.get_ref<const std::string&>()) : std::nullopt;
      if (!binary) return offence("/data_base64", "must be base64 text");
    } else if (value.is_string() || value.is_boolean() || value.is_number_integer() ||
               whole_number(value)) {
      if ((name == "id" || name == "source" || name == "type" || name == "specversion") &&
          !value.is_string()) {
        return offence(pointer_to(name), "must be a string");
      }
      // Attributes are kept as text, and an Integer of CloudEvents has no fraction: 7.0 becomes 7.
      auto attribute = value.is_string()         ? value.get<std::string>()
                       : value.is_number_float() ? std::to_string(*whole_number(value))
                                                 : dump(value);
      MESH_TRY(set_attribute(event, name, std::move(attribute)));
      has_version |= name == "specversion";
    } else {
      return offence(pointer_to(name), "attributes are strings, whole numbers or booleans");
    }
  }
  MESH_TRY(require_attributes(event, has_version, strictness));
  Json decoded;
  if (data != nullptr && binary) return offence("/data_base64", "excludes data");
  if (data != nullptr) {
    // As text: parsed and written again, long numbers would come out differently.
    MESH_TRY(take_data(event, *data, member_text(text, "data")));
    if (!is_json_content(event.content_type)) data = nullptr;
  } else if (binary) {
    event.data = std::move(*binary);
    assume_content_type(event);
    if (is_json_content(event.content_type) && !event.data.empty()) {
      auto parsed = parse_data(event);
      if (!parsed) return offence("/data_base64", "is not JSON: " + parsed.error().message);
      decoded = std::move(*parsed);
      data = &decoded;
    }
  }
  MESH_TRY(check_size(event, rules));
  fill_defaults(event, request);
  MESH_TRY(complete_event(event, data, rules));
  return event;
}

// The value of a header of the binary form (HTTP binding, 3.1.3.2): older senders put it in double
// quotes.
std::string_view unquoted(std::string_view raw, std::string& buffer) {
  if (raw.size() < 2 || raw.front() != '"' || raw.back() != '"') return raw;
  buffer.clear();
  for (std::size_t i = 1; i + 1 < raw.size(); ++i) {
    if (raw[i] == '"') return raw;  // several quoted strings, or an escaped end
    if (raw[i] == '\\' && ++i + 1 == raw.size()) return raw;
    buffer += raw[i];
  }
  return buffer;
}

Result<Event> from_binary(const http::Request& request, const IngestRules& rules, Timestamp now) {
  Event event = blank_event(request, now);
  bool has_version = false;
  if (const auto type = request.header("Content-Type")) {
    MESH_TRY(set_attribute(event, "datacontenttype", std::string(*type)));
  }
  std::set<std::string> seen;
  std::string buffer;
  for (const auto& [header, raw] : request.headers) {
    const std::string name = to_lower(header);
    if (!name.starts_with("ce-")) continue;
    const std::string attribute = name.substr(3);
    if (attribute == "datacontenttype") {
      return offence("/datacontenttype", "travels as Content-Type in the binary form");
    }
    if (attribute == "data") return offence("/data", "travels as the body in the binary form");
    // Which of two values counts would depend on the order of the fields.
    if (!seen.insert(attribute).second) return offence(pointer_to(attribute), "is there twice");
    auto value = percent_decode(unquoted(raw, buffer));
    if (!value) return offence(pointer_to(attribute), "is not valid percent-encoded UTF-8");
    MESH_TRY(set_attribute(event, attribute, std::move(*value)));
    has_version |= attribute == "specversion";
  }
  MESH_TRY(require_attributes(event, has_version, Strictness::cloudevents));
  event.data = request.body;
  MESH_TRY(check_size(event, rules));
  assume_content_type(event);
  Json data;
  const bool is_json = is_json_content(event.content_type) && !event.data.empty();
  if (is_json) data = MESH_TRY(parse_data(event));
  fill_defaults(event, request);
  MESH_TRY(complete_event(event, is_json ? &data : nullptr, rules));
  return event;
}

// Gathers events and the offences of all of them, so that a client learns of many at once.
class Collector {
 public:
  // False: no more needs to be read.
  bool add(const std::string& prefix, Result<Event> event) {
    if (event) {
      events_.push_back(std::move(*event));
      return true;
    }
    Error& error = event.error();
    // Such as another tenant's event: it refuses the request, and not an event among others.
    if (error.kind != ErrorKind::unprocessable && error.kind != ErrorKind::invalid) {
      error.message = prefix + ": " + error.message;
      fatal_ = std::move(error);
      return false;
    }
    if (error.fields.empty()) error.fields.push_back({"", error.message});
    for (auto& field : error.fields) fields_.push_back({prefix + field.pointer, field.detail});
    return fields_.size() < kMaxErrors;
  }
  Result<std::vector<Event>> finish() {
    if (fatal_) return fail(*fatal_);
    if (!fields_.empty()) {
      if (fields_.size() > kMaxErrors) fields_.resize(kMaxErrors);
      return fail({ErrorKind::unprocessable,
                   "some events are not valid; none was taken",
                   {},
                   std::move(fields_),
                   {}});
    }
    if (events_.empty()) return fail(ErrorKind::invalid, "the body has no events");
    return std::move(events_);
  }

 private:
  std::vector<Event> events_;
  std::vector<FieldError> fields_;
  std::optional<Error> fatal_;
};

std::size_t max_text(const IngestRules& rules) {
  return rules.max_event_bytes / 3 * 4 + kMaxAround;
}

Error too_many(const IngestRules& rules) {
  return {ErrorKind::too_large,
          "over " + std::to_string(rules.max_events) + " events in one request; send fewer",
          {},
          {},
          {}};
}

Result<std::vector<Event>> from_batch(const http::Request& request, const IngestRules& rules,
                                      Timestamp now) {
  auto json =
      MESH_TRY(parse_json(request.body, {.max_depth = 34, .max_bytes = request.body.size()}));
  if (!json.is_array()) return fail(ErrorKind::invalid, "a batch must be a JSON array of events");
  if (json.size() > rules.max_events) return fail(too_many(rules));
  Collector collector;
  const auto texts = element_texts(request.body);
  for (std::size_t i = 0; i < json.size(); ++i) {
    if (!collector.add("/" + std::to_string(i), from_json(request, json[i], texts[i], rules,
                                                          Strictness::cloudevents, now))) {
      break;
    }
  }
  return collector.finish();
}

Result<std::vector<Event>> from_lines(const http::Request& request, const IngestRules& rules,
                                      Timestamp now) {
  Collector collector;
  std::string_view rest = request.body;
  std::size_t count = 0;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const auto end = rest.find('\n');
    const std::string_view line = trim(without_bom(rest.substr(0, end)));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (line.empty()) continue;
    // Blank lines count for the numbers that errors point at, but are no events.
    if (++count > rules.max_events) return fail(too_many(rules));
    auto json = parse_json(line, {.max_depth = 33, .max_bytes = max_text(rules)});
    auto event = json ? from_json(request, *json, line, rules, Strictness::lines, now)
                      : Result<Event>(fail(json.error()));
    if (!collector.add("/" + std::to_string(number), std::move(event))) break;
  }
  return collector.finish();
}

}  // namespace

Result<std::vector<Event>> read_events(const http::Request& request, const IngestRules& rules,
                                       Timestamp now) {
  const auto one = [](Result<Event> event) -> Result<std::vector<Event>> {
    if (!event) return fail(event.error());
    std::vector<Event> events;
    events.push_back(std::move(*event));
    return events;
  };
  const std::string media = request.content_type();
  // The batch type shares the structured one's prefix, so it is looked at first.
  if (media.starts_with("application/cloudevents-batch")) {
    if (media != "application/cloudevents-batch+json") {
      return fail(ErrorKind::unsupported, "batches are application/cloudevents-batch+json");
    }
    return from_batch(request, rules, now);
  }
  if (media.starts_with("application/cloudevents")) {
    if (media != "application/cloudevents+json") {
      return fail(ErrorKind::unsupported, "structured events are application/cloudevents+json");
    }
    auto json = MESH_TRY(parse_json(request.body, {.max_depth = 33, .max_bytes = max_text(rules)}));
    return one(from_json(request, json, request.body, rules, Strictness::cloudevents, now));
  }
  if (media == "application/x-ndjson" || media == "application/ndjson" ||
      media == "application/jsonl") {
    return from_lines(request, rules, now);
  }
  const bool binary = std::ranges::any_of(request.headers, [](const auto& header) {
    return to_lower(header.first).starts_with("ce-");
  });
  if (binary) return one(from_binary(request, rules, now));
  return fail(ErrorKind::unsupported,
              "send a CloudEvent (ce-* headers, application/cloudevents+json or "
              "application/cloudevents-batch+json) or lines of events (application/x-ndjson)");
}

Result<Event> make_event(const http::Request& request, std::string_view type, const Json& data,
                         Timestamp now) {
  const EventTypeDef* definition = find_event_type(type);
  if (definition == nullptr) return fail(ErrorKind::internal, "unknown type " + std::string(type));
  MESH_TRY(validate_data(*definition, data));
  Event event = blank_event(request, now);
  event.type = type;
  event.subject = subject_of(*definition, data);
  event.content_type = kJsonContent;
  event.data = one_line(trim(without_bom(request.body)));
  take_timestamp(event, *definition, data);
  fill_defaults(event, request);
  return event;
}

}  // namespace mesh::services
