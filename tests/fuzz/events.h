// What holds of every event that a request brought in.
#pragma once

#include <set>

#include "common/base/json.h"
#include "common/base/strings.h"
#include "common/base/time.h"
#include "common/domain/catalogue.h"
#include "common/domain/event.h"
#include "daemon/services/cloudevents.h"
#include "tests/fuzz/fuzz.h"

namespace mesh::fuzz {

inline const services::IngestRules kRules{
    .allow_unknown_types = true, .max_event_bytes = 2048, .max_events = 20};
inline const Timestamp kNow = *parse_rfc3339("2026-01-01T00:00:00Z");

inline http::Request request_of(std::string_view content_type, std::string_view body) {
  http::Request request;
  request.method = "POST";
  request.path = "/api/v1/events";
  if (!content_type.empty()) request.headers = {{"Content-Type", std::string(content_type)}};
  request.body = body;
  request.trace = *TraceContext::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  request.principal = {Principal::Kind::tenant_user, *TenantId::parse("acme"), "alice"};
  return request;
}

inline bool same(const Event& a, const Event& b) {
  return a.id == b.id && a.type == b.type && a.source == b.source && a.time == b.time &&
         a.tenant == b.tenant && a.subject == b.subject && a.sequence == b.sequence &&
         a.content_type == b.content_type && a.traceparent == b.traceparent && a.data == b.data &&
         a.extensions == b.extensions && time_text_of(a) == time_text_of(b) &&
         a.tracestate == b.tracestate;
}

inline void check_refusal(const Error& error) {
  holds(error.kind == ErrorKind::invalid || error.kind == ErrorKind::unprocessable ||
            error.kind == ErrorKind::forbidden || error.kind == ErrorKind::too_large ||
            error.kind == ErrorKind::unsupported,
        "events are refused as the client's mistake");
  holds(!error.message.empty() && error.fields.size() <= 20, "a refusal says why, within bounds");
  for (const auto& field : error.fields) {
    holds(field.pointer.empty() || field.pointer.front() == '/', "a pointer is a JSON pointer");
  }
}

// Of an event that has an id; lines may leave it to the publisher.
inline void check_event(const Event& event) {
  holds(event.tenant.str() == "acme", "the tenant is the credential's");
  holds(!event.id.empty() && event.id.size() <= 256 && !event.source.empty() && !event.type.empty(),
        "an event has an id, a source and a type");
  holds(event.data.size() <= kRules.max_event_bytes, "data stays within its bound");
  const auto* type = find_event_type(event.type);
  holds(type == nullptr || type->publishable, "clients publish what is theirs to publish");
  std::set<std::string> names{"id",          "source",    "type",     "specversion",     "time",
                              "subject",     "tenantid",  "sequence", "datacontenttype", "data",
                              "traceparent", "tracestate"};
  if (event.sequence == 0) names.erase("sequence");  // one that is no version is an attribute
  for (const auto& [name, value] : event.extensions) {
    holds(names.insert(name).second, "an attribute is there once");
  }

  const Record record = to_record(event);
  holds(record.topic.ends_with(".events") && !is_dead_letter_topic(record.topic),
        "an event has a topic");
  holds(record.key == "acme" || record.key.starts_with("acme/"), "a key begins with the tenant");
  const auto again =
      from_record({{record.topic, 0, 0}, kNow, record.key, record.value, record.headers});
  holds(again.has_value() && same(*again, event), "an event comes back from the log as it was");
}

}  // namespace mesh::fuzz
