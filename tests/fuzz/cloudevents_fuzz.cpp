// CloudEvents over HTTP. An input is header lines, an empty line, a body; the media type chooses
// the form (binary, structured, batch, lines).
#include "common/http/syntax.h"
#include "tests/fuzz/events.h"

namespace mesh::fuzz {
namespace {

http::Request parse(std::string_view text) {
  http::Request request = request_of("", "");
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.empty()) break;
    const auto colon = line.find(':');
    // The reader lets nothing else through.
    if (colon == line.npos || !http::is_token(line.substr(0, colon)) ||
        !http::is_field_value(line.substr(colon + 1))) {
      continue;
    }
    request.headers.emplace_back(line.substr(0, colon), trim(line.substr(colon + 1)));
  }
  request.body = text;
  return request;
}

// The event in the structured form.
Json structured(const Event& event, bool is_json) {
  Json json{{"specversion", "1.0"},          {"id", event.id},
            {"source", event.source},        {"type", event.type},
            {"time", time_text_of(event)},   {"traceparent", event.traceparent},
            {"tracestate", event.tracestate}};
  if (!event.content_type.empty()) json["datacontenttype"] = event.content_type;
  if (!event.subject.empty()) json["subject"] = event.subject;
  if (event.sequence > 0) json["sequence"] = std::to_string(event.sequence);
  for (const auto& [name, value] : event.extensions) json[name] = value;
  if (is_json) {
    json["data"] = raw_json(event.data);
  } else if (!event.data.empty()) {
    json["data_base64"] = base64_encode(event.data);
  }
  return json;
}

void check_structured(const Event& event) {
  // JSON null as data would be none.
  const bool is_json =
      is_json_content(event.content_type) && !event.data.empty() && trim(event.data) != "null";
  const auto json = structured(event, is_json);
  const auto again =
      services::read_events(request_of("application/cloudevents+json", dump(json)), kRules, kNow);
  holds(again.has_value() && again->size() == 1, "an event can be written in the structured form");
  Event expected = event;
  if (is_json) expected.data = one_line(trim(event.data));
  holds(same(again->front(), expected), "the structured form says the same");
}

// The data of the structured form is the member "data", however it is spelled and wherever it
// stands.
void check_data(const http::Request& request, const Event& event) {
  if (request.content_type() != "application/cloudevents+json") return;
  const auto json = parse_json(request.body, {.max_depth = 33, .max_bytes = request.body.size()});
  if (!json->contains("data") || json->at("data").is_null()) return;
  if (!is_json_content(event.content_type)) {
    holds(json->at("data") == event.data, "the data is the text of the member data");
    return;
  }
  const auto data = parse_json(event.data, {.max_depth = 33, .max_bytes = event.data.size()});
  holds(data.has_value() && *data == json->at("data"), "the data is the member data");
  holds(event.data.find_first_of("\r\n") == event.data.npos, "data of this form is one line");
}

}  // namespace
}  // namespace mesh::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mesh;
  using namespace mesh::fuzz;
  const auto request = parse(text_of(data, size));
  auto events = services::read_events(request, kRules, kNow);
  auto strict = kRules;
  strict.allow_unknown_types = false;
  const auto known = services::read_events(request, strict, kNow);
  holds(!known || events.has_value(), "a tenant that allows more accepts more");
  if (!known) check_refusal(known.error());
  if (!events) {
    check_refusal(events.error());
    return 0;
  }
  holds(!events->empty() && events->size() <= kRules.max_events, "as many events as allowed");
  for (auto& event : *events) {
    if (event.id.empty()) event.id = "given by the publisher";
    check_event(event);
    holds(known || find_event_type(event.type) == nullptr || events->size() > 1,
          "known types need no permission");
    check_structured(event);
    check_data(request, event);
  }
  return 0;
}
