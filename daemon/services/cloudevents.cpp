#include "daemon/services/cloudevents.h"

#include <algorithm>
#include <set>

#include "common/base/json.h"
#include "common/base/json_members.h"
#include "common/base/strings.h"
#include "common/base/time.h"
#include "common/domain/catalogue.h"

namespace mesh::services {
namespace {

constexpr std::size_t kMaxErrors = 20;
constexpr std::size_t kMaxIdBytes = 256;
constexpr std::string_view kDefaultSource = "/mesh/publisher";
constexpr std::string_view kJson = "application/json";
constexpr std::string_view kUnknownBytes = "application/octet-stream";
// What the JSON format may add to an event's data, beside base64's third.
constexpr std::size_t kMaxAround = 65536;

enum class Strictness { cloudevents, lines };

tl::unexpected<Error> offence(const std::string& pointer, const std::string& detail) {
  return fail({ErrorKind::unprocessable, "the event is not valid", {}, {{pointer, detail}}, {}});
}

// Attribute names of CloudEvents: lower-case letters and digits.
bool is_attribute_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  });
}

Error under_data(Error error) {
  for (auto& field : error.fields) field.pointer = "/data" + field.pointer;
  return error;
}

// A time that the data names is when it happened, unless the event itself says otherwise.
void take_timestamp(Event& event, const EventTypeDef& type, const Json& data) {
  if (!event.time_text.empty()) return;
  event.time_text = timestamp_of(type, data);
  if (!event.time_text.empty()) {
    event.time = std::min(*parse_rfc3339(event.time_text), event.time);
  }
}

// Checks type and data and fills in topic-dependent parts. `data` is the parsed event.data, or null
// where it is not JSON.
Status complete(Event& event, const Json* data, const IngestRules& rules) {
  const EventTypeDef* type = find_event_type(event.type);
  if (type == nullptr) {
    if (!rules.allow_unknown_types) {
      return offence("/type", "\"" + event.type +
                                  "\" is not in the catalogue, and this tenant does "
                                  "not allow other types");
    }
    auto topic = topic_of_unknown_type(event.type);
    if (!topic) return offence("/type", topic.error().message);
    for (const auto& known : topics()) {
      if (known.name == *topic && known.kind == TopicKind::entity) {
        return offence("/type", "topic " + *topic + " is written by the mesh only");
      }
    }
    return {};
  }
  if (!type->publishable && !rules.mesh_types)
    return offence("/type", event.type + " is written by the mesh only");
  if (data == nullptr || !data->is_object()) {
    return offence("/data", event.type + " needs a JSON object");
  }
  if (auto valid = validate_data(*type, *data); !valid) return fail(under_data(valid.error()));
  std::string subject = subject_of(*type, *data);
  if (!event.subject.empty() && event.subject != subject) {
    return offence("/subject", "\"" + event.subject + "\" is not \"" + subject + "\", the " +
                                   std::string(type->subject_field) +
                                   " of the data, which is the subject of " + event.type +
                                   ": leave it out");
  }
  event.subject = std::move(subject);
  take_timestamp(event, *type, *data);
  return {};
}

Status set_attribute(Event& event, std::string_view name, std::string value) {
  const std::string pointer = "/" + std::string(name);
  if (value.size() > 4096 || !is_valid_utf8(value) || std::ranges::any_of(value, [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
      })) {
    return offence(pointer, "must be at most 4096 bytes of UTF-8 without control characters");
  }
  if (name == "id") {
    if (value.empty() || value.size() > kMaxIdBytes) {
      return offence(pointer, "must have 1 to 256 bytes");
    }
    event.id = std::move(value);
  } else if (name == "source") {
    if (value.empty()) return offence(pointer, "must not be empty");
    event.source = std::move(value);
  } else if (name == "specversion") {
    if (value != "1.0") return offence(pointer, "must be \"1.0\"");
  } else if (name == "type") {
    if (value.empty()) return offence(pointer, "must not be empty");
    event.type = std::move(value);
  } else if (name == "subject") {
    event.subject = std::move(value);
  } else if (name == "time") {
    auto time = parse_rfc3339(value);
    if (!time) return offence(pointer, "must be an RFC 3339 time such as 2026-01-31T12:00:00Z");
    event.time = std::min(*time, event.time);  // which is now
    event.time_text = std::move(value);
  } else if (name == "datacontenttype") {
    event.content_type = std::move(value);
  } else if (name == "tenantid") {
    if (value != event.tenant.str()) {
      return fail(ErrorKind::forbidden, "/tenantid differs from the tenant of the credential");
    }
  } else if (name == "sequence" && is_version(value)) {
    event.sequence = *parse_int(value);
  } else if (name == "traceparent") {
    if (TraceContext::parse(value)) event.traceparent = std::move(value);
  } else if (name == "tracestate") {
    event.tracestate = std::move(value);
  } else if (!is_attribute_name(name)) {
    return offence(pointer, "names of attributes have lower-case letters and digits only");
  } else {
    event.extensions.emplace_back(std::string(name), std::move(value));
  }
  return {};
}

Event blank(const http::Request& request, Timestamp now) {
  return Event{.id = {},
               .type = {},
               .source = {},
               .time = now,
               .tenant = request.tenant(),
               .subject = {},
               .sequence = 0,
               .content_type = {},
               .traceparent = {},
               .data = {},
               .extensions = {}};
}

Status require(const Event& event, bool has_version, Strictness strictness) {
  std::vector<FieldError> missing;
  const bool strict = strictness == Strictness::cloudevents;
  if (event.type.empty()) missing.push_back({"/type", "is missing"});
  if (strict && event.id.empty()) missing.push_back({"/id", "is missing"});
  if (strict && event.source.empty()) missing.push_back({"/source", "is missing"});
  if (strict && !has_version) missing.push_back({"/specversion", "is missing; must be \"1.0\""});
  if (missing.empty()) return {};
  return fail({ErrorKind::unprocessable, "the event is not valid", {}, std::move(missing), {}});
}

void fill_defaults(Event& event, const http::Request& request) {
  if (event.source.empty()) event.source = kDefaultSource;
  // A state says nothing without its parent, nor of another one.
  if (event.traceparent.empty()) {
    event.traceparent = request.trace.traceparent();
    event.tracestate = request.trace.state;
  }
}

Status check_size(const Event& event, const IngestRules& rules) {
  if (event.data.size() <= rules.max_event_bytes) return {};
  return fail(ErrorKind::too_large,
              "the event's data is over " + std::to_string(rules.max_event_bytes) + " bytes");
}

// Of bytes that come without one: typed data is JSON, of other data nothing is known.
void assume_content_type(Event& event) {
  if (!event.content_type.empty() || event.data.empty()) return;
  event.content_type = find_event_type(event.type) != nullptr ? kJson : kUnknownBytes;
}

Result<Json> parse_data(const Event& event) {
  return parse_json(event.data, {.max_depth = 32, .max_bytes = event.data.size()});
}

// Takes the member `data` of the JSON format into the event; its text is `text`.
Status take_data(Event& event, const Json& data, std::string_view text) {
  if (data.is_null()) return {};
  if (event.content_type.empty()) event.content_type = kJson;
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
  Event event = blank(request, now);
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
        return offence("/" + name, "must be a string");
      }
      auto attribute = value.is_string()         ? value.get<std::string>()
                       : value.is_number_float() ? std::to_string(*whole_number(value))
                                                 : dump(value);
      if (auto set = set_attribute(event, name, std::move(attribute)); !set)
        return fail(set.error());
      has_version |= name == "specversion";
    } else {
      return offence("/" + name, "attributes are strings, whole numbers or booleans");
    }
  }
  if (auto all = require(event, has_version, strictness); !all) return fail(all.error());
  Json decoded;
  if (data != nullptr && binary) return offence("/data_base64", "excludes data");
  if (data != nullptr) {
    if (auto taken = take_data(event, *data, member_text(text, "data")); !taken)
      return fail(taken.error());
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
  if (auto fits = check_size(event, rules); !fits) return fail(fits.error());
  fill_defaults(event, request);
  if (auto ok = complete(event, data, rules); !ok) return fail(ok.error());
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
  Event event = blank(request, now);
  bool has_version = false;
  if (const auto type = request.header("Content-Type")) {
    if (auto set = set_attribute(event, "datacontenttype", std::string(*type)); !set) {
      return fail(set.error());
    }
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
    if (!seen.insert(attribute).second) return offence("/" + attribute, "is there twice");
    auto value = percent_decode(unquoted(raw, buffer));
    if (!value) return offence("/" + attribute, "is not valid percent-encoded UTF-8");
    if (auto set = set_attribute(event, attribute, std::move(*value)); !set) {
      return fail(set.error());
    }
    has_version |= attribute == "specversion";
  }
  if (auto all = require(event, has_version, Strictness::cloudevents); !all)
    return fail(all.error());
  event.data = request.body;
  if (auto fits = check_size(event, rules); !fits) return fail(fits.error());
  assume_content_type(event);
  Json data;
  const bool is_json = is_json_content(event.content_type) && !event.data.empty();
  if (is_json) {
    event.data.erase(0, event.data.size() - without_bom(event.data).size());
    auto parsed = parse_data(event);
    if (!parsed) return fail(parsed.error());
    data = std::move(*parsed);
  }
  fill_defaults(event, request);
  if (auto ok = complete(event, is_json ? &data : nullptr, rules); !ok) return fail(ok.error());
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
  auto json = parse_json(request.body, {.max_depth = 34, .max_bytes = request.body.size()});
  if (!json) return fail(json.error());
  if (!json->is_array()) return fail(ErrorKind::invalid, "a batch must be a JSON array of events");
  if (json->size() > rules.max_events) return fail(too_many(rules));
  Collector collector;
  const auto texts = element_texts(request.body);
  for (std::size_t i = 0; i < json->size(); ++i) {
    if (!collector.add("/" + std::to_string(i), from_json(request, (*json)[i], texts[i], rules,
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
    auto json = parse_json(request.body, {.max_depth = 33, .max_bytes = max_text(rules)});
    if (!json) return fail(json.error());
    return one(from_json(request, *json, request.body, rules, Strictness::cloudevents, now));
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
  if (auto valid = validate_data(*definition, data); !valid) return fail(valid.error());
  Event event = blank(request, now);
  event.type = type;
  event.subject = subject_of(*definition, data);
  event.content_type = kJson;
  event.data = one_line(trim(without_bom(request.body)));
  take_timestamp(event, *definition, data);
  fill_defaults(event, request);
  return event;
}

}  // namespace mesh::services
