#include "daemon/services/event_parts.h"

#include <algorithm>

#include "common/base/strings.h"
#include "common/base/time.h"
#include "common/domain/catalogue.h"

namespace mesh::services {
namespace {

constexpr std::size_t kMaxIdBytes = 256;
constexpr std::string_view kDefaultSource = "/mesh/publisher";
constexpr std::string_view kUnknownBytes = "application/octet-stream";

// Attribute names of CloudEvents: lower-case letters and digits.
bool is_attribute_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  });
}

// What an attribute's value may be, a subject's that comes of the data, too: CloudEvents forbids
// control characters, and such an event could not be written in the structured form.
constexpr const char* kOfAttributes =
    "must be at most 4096 bytes of UTF-8 without control characters";
bool may_be_attribute(std::string_view value) {
  return value.size() <= 4096 && is_valid_utf8(value) && std::ranges::none_of(value, [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
         });
}

Error under_data(Error error) {
  for (auto& field : error.fields) field.pointer = "/data" + field.pointer;
  return error;
}

}  // namespace

tl::unexpected<Error> offence(const std::string& pointer, const std::string& detail) {
  return fail({ErrorKind::unprocessable, "the event is not valid", {}, {{pointer, detail}}, {}});
}

Event blank_event(const http::Request& request, Timestamp now) {
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

Status set_attribute(Event& event, std::string_view name, std::string value) {
  const std::string pointer = "/" + std::string(name);
  if (!may_be_attribute(value)) return offence(pointer, kOfAttributes);
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
    // What is no version is an extension: clients may use the name for a counter of their own.
    event.sequence = *parse_int(value);
  } else if (name == "traceparent") {
    // A malformed one is as none: fill_defaults takes the request's then.
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

Status require_attributes(const Event& event, bool has_version, Strictness strictness) {
  // All that is missing is told at once, and not one member a try.
  std::vector<FieldError> missing;
  const bool strict = strictness == Strictness::cloudevents;
  if (event.type.empty()) missing.push_back({"/type", "is missing"});
  if (strict && event.id.empty()) missing.push_back({"/id", "is missing"});
  if (strict && event.source.empty()) missing.push_back({"/source", "is missing"});
  if (strict && !has_version) missing.push_back({"/specversion", "is missing; must be \"1.0\""});
  if (missing.empty()) return {};
  return fail({ErrorKind::unprocessable, "the event is not valid", {}, std::move(missing), {}});
}

Status check_size(const Event& event, const IngestRules& rules) {
  if (event.data.size() <= rules.max_event_bytes) return {};
  return fail(ErrorKind::too_large,
              "the event's data is over " + std::to_string(rules.max_event_bytes) + " bytes");
}

void assume_content_type(Event& event) {
  if (!event.content_type.empty() || event.data.empty()) return;
  event.content_type = find_event_type(event.type) != nullptr ? kJsonContent : kUnknownBytes;
}

void fill_defaults(Event& event, const http::Request& request) {
  if (event.source.empty()) event.source = kDefaultSource;
  // A state says nothing without its parent, nor of another one.
  if (event.traceparent.empty()) {
    event.traceparent = request.trace.traceparent();
    event.tracestate = request.trace.state;
  }
}

void take_timestamp(Event& event, const EventTypeDef& type, const Json& data) {
  if (!event.time_text.empty()) return;
  // timestamp_of gives only what parse_rfc3339 takes, so the time below is there.
  event.time_text = timestamp_of(type, data);
  if (!event.time_text.empty()) {
    event.time = std::min(*parse_rfc3339(event.time_text), event.time);
  }
}

namespace {

// Of a type that the tenant registered; its topic was looked at then.
Status check_own_event(const Event& event, const JsonSchema* schema, const Json* data) {
  if (schema == nullptr) {
    return offence(
        "/type", "the schema of " + event.type + " cannot be used by this mesh; register it again");
  }
  if (data == nullptr) return offence("/data", event.type + " needs JSON data");
  if (auto valid = check_own(event.type, *schema, *data); !valid) {
    return fail(under_data(valid.error()));
  }
  return {};
}

}  // namespace

Status complete_event(Event& event, const Json* data, const IngestRules& rules) {
  const EventTypeDef* type = find_event_type(event.type);
  if (type == nullptr && rules.own_types != nullptr) {
    const auto own = rules.own_types->find(event.type);
    if (own != rules.own_types->end()) return check_own_event(event, own->second.get(), data);
  }
  if (type == nullptr) {
    if (!rules.allow_unknown_types) {
      return offence("/type", "\"" + event.type +
                                  "\" is neither in the catalogue nor a type of the "
                                  "tenant, which does not allow others");
    }
    auto topic = topic_of_unknown_type(event.type);
    if (!topic) return offence("/type", topic.error().message);
    return {};
  }
  if (!type->publishable && !rules.mesh_types)
    return offence("/type", event.type + " is written by the mesh only");
  if (data == nullptr || !data->is_object()) {
    return offence("/data", event.type + " needs a JSON object");
  }
  if (auto valid = validate_data(*type, *data); !valid) return fail(under_data(valid.error()));
  // The subject makes the key: by another one than the data's, events of one subject would go to
  // several partitions and lose their order.
  std::string subject = subject_of(*type, *data);
  if (!event.subject.empty() && event.subject != subject) {
    return offence("/subject", "\"" + event.subject + "\" is not \"" + subject + "\", the " +
                                   std::string(type->subject_field) +
                                   " of the data, which is the subject of " + event.type +
                                   ": leave it out");
  }
  if (!may_be_attribute(subject)) {
    return offence("/data/" + std::string(type->subject_field), kOfAttributes);
  }
  event.subject = std::move(subject);
  take_timestamp(event, *type, *data);
  return {};
}

}  // namespace mesh::services
