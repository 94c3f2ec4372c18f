#include "common/domain/event.h"

#include <algorithm>

#include "common/base/ids.h"
#include "common/base/json.h"
#include "common/base/strings.h"
#include "common/base/time.h"
#include "common/domain/catalogue.h"

namespace mesh {
namespace {

constexpr std::string_view kPrefix = "ce_";
constexpr std::string_view kContentType = "content-type";
constexpr std::string_view kTraceparent = "traceparent";
constexpr std::string_view kTracestate = "tracestate";
constexpr std::string_view kEventsSuffix = ".events";
constexpr std::string_view kForeignSource = "/foreign";

tl::unexpected<Error> unreadable(const StoredRecord& record, std::string what) {
  return fail(ErrorKind::unprocessable,
              "the record at " + to_string(record.position) + " " + std::move(what));
}

// The attributes that Event has members for; the rest are extensions.
constexpr std::string_view kKnown[] = {"id",   "type",    "source",   "specversion",
                                       "time", "subject", "tenantid", "sequence"};

Result<Json> value_object(const StoredRecord& record) {
  if (!record.value) return unreadable(record, "has neither ce_ headers nor a value");
  // The log took the value, so its length is no reason to refuse it; the depth is bounded
  // nevertheless, since a foreign producer may have written it.
  auto json = parse_json(*record.value, {32, record.value->size()});
  if (!json) return unreadable(record, "has no JSON value: " + json.error().message);
  if (!json->is_object()) return unreadable(record, "has a value that is not a JSON object");
  return json;
}

Result<TenantId> tenant_of(const StoredRecord& record, const Json& value) {
  for (const char* name : {"tenantId", "tenant_id"}) {
    const auto it = value.find(name);
    if (it == value.end()) continue;
    const std::string in = "has in " + std::string(name) + " ";
    if (!it->is_string()) return unreadable(record, in + "what is not a string");
    auto tenant = TenantId::parse(it->get_ref<const std::string&>());
    if (!tenant) return unreadable(record, in + tenant.error().message);
    return tenant;
  }
  return unreadable(record, "names no tenant: it needs ce_ headers or a tenantId in its value");
}

// What claims to come from the future happened when the log took it, so that a clock that is wrong
// does not stay the newest for ever. The text keeps the claim.
Timestamp happened(Timestamp claimed, const StoredRecord& record) {
  return std::min(claimed, record.time);
}

// Of a record that does not say it: the first thing that can have happened to its entity.
std::string type_of_topic(std::string_view topic) {
  if (topic == "user.events") return "user.created";
  if (topic.ends_with(kEventsSuffix)) topic.remove_suffix(kEventsSuffix.size());
  return std::string(topic) + ".recorded";
}

bool compacted(std::string_view topic) {
  return std::any_of(topics().begin(), topics().end(), [&](const TopicDef& def) {
    return def.name == topic && def.kind == TopicKind::entity;
  });
}

// Producers that do not count versions write entities in the order of the log.
std::int64_t default_sequence(const StoredRecord& record) {
  return compacted(record.position.topic) ? record.position.offset + 1 : 0;
}

Result<Event> from_foreign(const StoredRecord& record) {
  auto value = MESH_TRY(value_object(record));
  auto tenant = MESH_TRY(tenant_of(record, value));
  Event event{.id = uuid_v5(kMeshNamespace, "record:" + to_string(record.position)),
              .type = type_of_topic(record.position.topic),
              .source = std::string(kForeignSource),
              .time = record.time,
              .tenant = std::move(tenant),
              .subject = {},
              .sequence = default_sequence(record),
              .traceparent = std::string(find_header(record.headers, kTraceparent)),
              .data = *record.value,
              .extensions = {},
              .tracestate = std::string(find_header(record.headers, kTracestate))};
  if (const auto* type = find_event_type(event.type)) {
    event.subject = subject_of(*type, value);
    event.time_text = timestamp_of(*type, value);
    if (!event.time_text.empty()) {
      event.time = happened(*parse_rfc3339(event.time_text), record);
    }
  } else {
    // Another producer may key its records otherwise; a key that begins with the tenant is taken
    // for one of ours.
    if (tenant_of_key(record.key) == event.tenant.str()) event.subject = subject_of_key(record.key);
  }
  return event;
}

}  // namespace

std::string_view find_header(const Headers& headers, std::string_view name) {
  for (const auto& [header, value] : headers) {
    if (header == name) return value;
  }
  return {};
}

std::string time_text_of(const Event& event) {
  return event.time_text.empty() ? format_rfc3339(event.time) : event.time_text;
}

// The text must be the one that to_record would write for the number: "007" and "+7" stay
// extensions, so that what is read back is what was sent.
bool is_version(std::string_view sequence) {
  const auto count = parse_int(sequence);
  return count && *count > 0 && std::to_string(*count) == sequence;
}

bool is_json_content(std::string_view content_type) {
  const std::string media = to_lower(trim(content_type.substr(0, content_type.find(';'))));
  return media.ends_with("/json") || media.ends_with("+json");
}

std::string to_string(const Position& position) {
  std::string text = position.topic;
  text += '/';
  text += std::to_string(position.partition);
  text += '@';
  text += std::to_string(position.offset);
  return text;
}

std::string key_of(const TenantId& tenant, std::string_view subject) {
  std::string key = tenant.str();
  if (!subject.empty()) key.append("/").append(subject);
  return key;
}

std::string_view tenant_of_key(std::string_view key) { return key.substr(0, key.find('/')); }

std::string_view subject_of_key(std::string_view key) {
  // At the first '/': a tenant id has none, whereas a subject may have some.
  key.remove_prefix(tenant_of_key(key).size());
  return key.substr(key.empty() ? 0 : 1);
}

Record to_record(const Event& event) {
  Record record;
  const auto* type = find_event_type(event.type);
  record.topic =
      type ? std::string(type->topic) : topic_of_unknown_type(event.type).value_or(std::string());
  // Types without a subject field are keyed by the tenant alone, whatever the event's subject says,
  // so that all of a tenant's are in order.
  const bool of_subject = type == nullptr || !type->subject_field.empty();
  record.key =
      key_of(event.tenant, of_subject ? std::string_view(event.subject) : std::string_view());
  if (!event.data.empty()) record.value = event.data;

  auto& headers = record.headers;
  headers.reserve(10 + event.extensions.size());
  headers.emplace_back("ce_specversion", "1.0");
  headers.emplace_back("ce_id", event.id);
  headers.emplace_back("ce_type", event.type);
  headers.emplace_back("ce_source", event.source);
  headers.emplace_back("ce_time", time_text_of(event));
  if (!event.subject.empty()) headers.emplace_back("ce_subject", event.subject);
  headers.emplace_back("ce_tenantid", event.tenant.str());
  if (event.sequence > 0) headers.emplace_back("ce_sequence", std::to_string(event.sequence));
  if (!event.content_type.empty()) headers.emplace_back(kContentType, event.content_type);
  if (!event.traceparent.empty()) headers.emplace_back(kTraceparent, event.traceparent);
  if (!event.tracestate.empty()) headers.emplace_back(kTracestate, event.tracestate);
  for (const auto& [name, value] : event.extensions) {
    headers.emplace_back(std::string(kPrefix) + name, value);
  }
  return record;
}

bool is_tombstone(const StoredRecord& record) {
  return !record.value && compacted(record.position.topic);
}

Result<Event> from_record(const StoredRecord& record) {
  const auto header = [&](std::string_view name) { return find_header(record.headers, name); };
  const auto id = header("ce_id"), type = header("ce_type"), version = header("ce_specversion");
  // A record with one of the three means to be a CloudEvent: it is refused where it is none, and
  // not guessed at.
  if (id.empty() && type.empty() && version.empty()) return from_foreign(record);
  if (id.empty() || type.empty()) return unreadable(record, "has no ce_id or no ce_type");
  if (version != "1.0") return unreadable(record, "has a ce_specversion other than 1.0");
  // Elsewhere a record without a value is an event without data.
  if (is_tombstone(record)) {
    return unreadable(record, "is a tombstone: there is no event in it");
  }

  const auto tenant_text = header("ce_tenantid");
  auto tenant = TenantId::parse(tenant_text);
  // A producer that sets no ce_tenantid may name the tenant in its data; an invalid ce_tenantid is
  // an error though, since it was meant.
  if (tenant_text.empty()) {
    auto value = MESH_TRY(value_object(record));
    tenant = tenant_of(record, value);
    if (!tenant) return fail(std::move(tenant.error()));
  } else if (!tenant) {
    return unreadable(record, "has in ce_tenantid " + tenant.error().message);
  }
  Event event{.id = std::string(id),
              .type = std::string(type),
              .source = std::string(header("ce_source")),
              .time = record.time,
              .tenant = std::move(*tenant),
              .subject = std::string(header("ce_subject")),
              .sequence = default_sequence(record),
              .content_type = std::string(header(kContentType)),
              .traceparent = std::string(header(kTraceparent)),
              .data = record.value.value_or(std::string()),
              .extensions = {},
              .time_text = std::string(header("ce_time")),
              .tracestate = std::string(header(kTracestate))};
  if (!event.time_text.empty()) {
    const auto parsed = parse_rfc3339(event.time_text);
    if (!parsed) return unreadable(record, "has in ce_time what is not an RFC 3339 date-time");
    event.time = happened(*parsed, record);
  }
  bool text_sequence = false;  // no version: an extension as others, in its place among them
  const auto sequence = header("ce_sequence");
  if (sequence.empty()) {
    // find_header answers a view without data where there is no such header; one that is there and
    // empty is an extension that its producer gets back.
    text_sequence = sequence.data() != nullptr && !compacted(record.position.topic);
  } else {
    const auto count = parse_int(sequence);
    const bool counts = count && *count >= 0;
    // Consumers keep the newest version of an entity by this number, so that guessing one could
    // hide a later change.
    if (compacted(record.position.topic) && !counts) {
      return unreadable(record, "has a ce_sequence that is no count");
    }
    if (compacted(record.position.topic) || is_version(sequence)) {
      event.sequence = *count;
    } else {
      text_sequence = true;
    }
  }
  for (const auto& [name, value] : record.headers) {
    if (!name.starts_with(kPrefix)) continue;
    const auto attribute = std::string_view(name).substr(kPrefix.size());
    const bool known =
        std::find(std::begin(kKnown), std::end(kKnown), attribute) != std::end(kKnown);
    if (!known || (text_sequence && attribute == "sequence")) {
      event.extensions.emplace_back(attribute, value);
    }
  }
  return event;
}

}  // namespace mesh
