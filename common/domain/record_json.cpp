#include "common/domain/record_json.h"

#include "common/base/strings.h"
#include "common/base/time.h"

namespace mesh {
namespace {

// Answers nest a value a few levels down, and what reads them bounds their depth.
constexpr int kMaxDepth = 48;

bool begins_structure(std::string_view text) {
  text = trim(text);
  return text.starts_with('{') || text.starts_with('[');
}

// Whether a member that holds `text` (JSON) is data of that content type itself, not a string of
// it.
bool stands_as_json(std::string_view content_type, std::string_view text) {
  return content_type.empty() ? begins_structure(text) : is_json_content(content_type);
}

std::string in_base64(const std::string& name) { return name + "_base64"; }

// The JSON text of a member.
std::string text_of(const Json& value) {
  return is_raw(value) ? std::string(raw_text(value)) : dump(value);
}

}  // namespace

void put_data(Json& object, const std::string& name, std::string_view content_type,
              const std::optional<std::string>& data) {
  if (!data) {
    object[name] = nullptr;
    return;
  }
  // Read only to learn whether it is JSON: what is passed on is the text itself, since numbers and
  // spellings would not survive a value.
  std::optional<Json> json;
  if (stands_as_json(content_type, *data)) {
    auto read = parse_json(*data, {.max_depth = kMaxDepth, .max_bytes = data->size()});
    if (read) json = std::move(*read);
  }
  if (json) {
    object[name] = raw_json(*data);
    // null would read as no data.
    if (!json->is_null() && raw_text(object[name]) == *data) return;
  } else if (!is_json_content(content_type) && is_valid_utf8(*data)) {
    object[name] = *data;
    return;
  }
  object[in_base64(name)] = base64_encode(*data);
}

Result<std::optional<std::string>> data_of(const Json& object, const std::string& name,
                                           std::string_view content_type) {
  const auto value = object.find(name);
  std::optional<std::string> shown;
  if (value != object.end() && !value->is_null()) {
    const std::string text = text_of(*value);
    shown = text.starts_with('"') && !stands_as_json(content_type, text)
                ? parse_json(text, {1, text.size()})->get<std::string>()
                : text;
  }
  const auto encoded = object.find(in_base64(name));
  // The bytes count where they are given; the member beside them is their form for people.
  if (encoded == object.end() || encoded->is_null()) {
    if (value == object.end()) {
      return fail(ErrorKind::invalid, "has neither " + name + " nor " + in_base64(name));
    }
    return shown;
  }
  auto bytes =
      encoded->is_string() ? base64_decode(encoded->get_ref<const std::string&>()) : std::nullopt;
  if (!bytes) return fail(ErrorKind::invalid, in_base64(name) + " is not base64");
  // put_data makes the form for people out of the bytes like this. One that differs was edited by
  // hand, and whoever did so expects that to be published.
  if (shown && one_line(trim(*bytes)) != *shown) return shown;
  return bytes;
}

void keep_data(Json& object, std::string_view text, const std::string& name,
               std::string_view content_type) {
  const std::string_view value = member_text(text, name);
  if (value.empty() || value == "null") return;
  // A string of text data is read as a string; raw it would keep its quotes and escapes.
  if (value.starts_with('"') && !stands_as_json(content_type, value)) return;
  object[name] = raw_json(value);
}

std::string content_type_of(const Json& record) {
  const auto headers = record.find("headers");
  if (headers == record.end() || !headers->is_object()) return {};
  const auto it = headers->find("content-type");
  return it != headers->end() && it->is_string() ? it->get<std::string>() : std::string();
}

void keep_value(Json& record, std::string_view text) {
  keep_data(record, text, "value", content_type_of(record));
}

Json to_json(const StoredRecord& record) {
  Json json{{"topic", record.position.topic},
            {"partition", record.position.partition},
            {"offset", record.position.offset},
            {"time", format_rfc3339(record.time)},
            {"key", record.key}};
  if (auto event = from_record(record)) {
    json.update({{"id", event->id},
                 {"type", event->type},
                 {"tenant", event->tenant.str()},
                 {"subject", event->subject},
                 {"source", event->source},
                 {"event_time", time_text_of(*event)},
                 {"sequence", event->sequence},
                 {"traceparent", event->traceparent}});
  } else {
    // The members are there all the same, so that every record has one form.
    for (const char* name :
         {"id", "type", "tenant", "subject", "source", "event_time", "sequence", "traceparent"}) {
      json[name] = nullptr;
    }
  }
  json["headers"] = Json::object();
  for (const auto& [name, value] : record.headers) json["headers"][name] = value;
  put_data(json, "value", find_header(record.headers, "content-type"), record.value);
  return json;
}

}  // namespace mesh
