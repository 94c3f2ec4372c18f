#include "common/domain/catalogue.h"

#include <algorithm>
#include <array>

#include "common/base/time.h"
#include "common/domain/schema_check.h"

namespace mesh {
namespace {

constexpr std::array kTopics{
    TopicDef{"user.events", TopicKind::entity},
    TopicDef{"analytics.events", TopicKind::activity},
    TopicDef{"chemical.events", TopicKind::activity},
    TopicDef{"tenant.events", TopicKind::entity},
    TopicDef{"billing.events", TopicKind::activity},
    TopicDef{"task.events", TopicKind::activity},
};

constexpr std::string_view kUserSchema = R"({
  "type": "object",
  "required": ["id", "email", "name", "tenantId"],
  "properties": {
    "id": {"type": "integer", "minimum": 1},
    "email": {"type": "string", "minLength": 3, "maxLength": 254},
    "name": {"type": "string", "minLength": 1, "maxLength": 200},
    "tenantId": {"type": "string", "minLength": 1, "maxLength": 63}
  }
})";

// Older records hold the whole user.
constexpr std::string_view kRemovedUserSchema = R"({
  "type": "object",
  "required": ["id", "tenantId"],
  "properties": {
    "id": {"type": "integer", "minimum": 1},
    "tenantId": {"type": "string", "minLength": 1, "maxLength": 63}
  }
})";

// Older records hold the whole tenant, and no tenantId.
constexpr std::string_view kRemovedTenantSchema = R"({
  "type": "object",
  "required": ["id"],
  "properties": {
    "id": {"type": "string", "minLength": 1, "maxLength": 63},
    "tenantId": {"type": "string", "minLength": 1, "maxLength": 63}
  }
})";

constexpr std::string_view kTenantSchema = R"({
  "type": "object",
  "required": ["id"],
  "properties": {
    "id": {"type": "string", "minLength": 1, "maxLength": 63},
    "name": {"type": "string", "maxLength": 200},
    "allow_unknown_types": {"type": "boolean"},
    "rate_limits": {
      "type": "object",
      "additionalProperties": {
        "type": "object",
        "required": ["rate", "per", "burst"],
        "properties": {
          "rate": {"type": "integer", "minimum": 1},
          "per": {"type": "string"},
          "burst": {"type": "integer", "minimum": 0}
        }
      }
    },
    "quotas": {
      "type": "object",
      "properties": {
        "events_per_day": {"type": "integer", "minimum": 0},
        "bytes_per_day": {"type": "integer", "minimum": 0},
        "stored_users": {"type": "integer", "minimum": 0},
        "embedding_tokens_per_month": {"type": "integer", "minimum": 0},
        "chat_tokens_per_day": {"type": "integer", "minimum": 0}
      }
    },
    "roles": {
      "type": "object",
      "properties": {
        "default": {"enum": ["reader", "publisher", "writer"]},
        "users": {
          "type": "object",
          "additionalProperties": {"enum": ["reader", "publisher", "writer"]}
        }
      }
    },
    "types": {"type": "object", "additionalProperties": {"type": "object"}},
    "search": {
      "type": "object",
      "additionalProperties": {
        "type": "object",
        "required": ["text"],
        "properties": {
          "text": {"type": "string", "maxLength": 1024},
          "fields": {"type": "object", "additionalProperties": {"enum": ["keyword", "number"]}},
          "open": {"type": "string", "minLength": 1, "maxLength": 256}
        }
      }
    },
    "retention": {"type": "string", "minLength": 2},
    "managed_by": {"type": "string", "minLength": 1, "maxLength": 63},
    "closed": {"type": "boolean"},
    "version": {"type": "integer", "minimum": 1},
    "created_at": {"type": "string", "format": "date-time"},
    "updated_at": {"type": "string", "format": "date-time"}
  }
})";

// conforms() in schema_check.cpp says the same as these two; its test compares them.
constexpr std::string_view kAnalyticsSchema = R"({
  "type": "object",
  "required": ["user_id", "event_type"],
  "properties": {
    "user_id": {"type": "string", "minLength": 1, "maxLength": 256},
    "event_type": {"type": "string", "minLength": 1, "maxLength": 128},
    "timestamp": {"type": "string", "format": "date-time"},
    "metadata": {"type": "object"}
  }
})";

constexpr std::string_view kChemicalSchema = R"({
  "type": "object",
  "required": ["molecule_id", "researcher", "data"],
  "properties": {
    "molecule_id": {"type": "string", "minLength": 1, "maxLength": 256},
    "researcher": {"type": "string", "minLength": 1, "maxLength": 256},
    "data": {"type": "object"},
    "timestamp": {"type": "string", "format": "date-time"}
  }
})";

// Other kinds may come: whoever reads passes over those that it does not know.
constexpr std::string_view kBillingSchema = R"({
  "type": "object",
  "required": ["tenantId", "period_start", "period_seconds", "process", "usage"],
  "properties": {
    "tenantId": {"type": "string", "minLength": 1, "maxLength": 63},
    "period_start": {"type": "string", "format": "date-time"},
    "period_seconds": {"type": "integer", "minimum": 1},
    "process": {"type": "string", "maxLength": 300},
    "usage": {
      "type": "object",
      "additionalProperties": {"type": "integer", "minimum": 0, "maximum": 9007199254740991}
    }
  }
})";

constexpr std::string_view kTaskSchema = R"({
  "type": "object",
  "required": ["id", "kind", "state"],
  "properties": {
    "id": {"type": "string", "minLength": 1, "maxLength": 128},
    "kind": {"type": "string", "minLength": 1, "maxLength": 64},
    "state": {"enum": ["queued", "running", "done", "failed", "cancelled"]}
  }
})";

constexpr std::array kTypes{
    EventTypeDef{"user.created", "user.events", "id", kUserSchema, false},
    EventTypeDef{"user.updated", "user.events", "id", kUserSchema, false},
    EventTypeDef{"user.deleted", "user.events", "id", kRemovedUserSchema, false},
    EventTypeDef{"analytics.recorded", "analytics.events", "user_id", kAnalyticsSchema, true},
    EventTypeDef{"chemical.recorded", "chemical.events", "molecule_id", kChemicalSchema, true},
    EventTypeDef{"tenant.created", "tenant.events", "", kTenantSchema, false},
    EventTypeDef{"tenant.updated", "tenant.events", "", kTenantSchema, false},
    EventTypeDef{"tenant.deleted", "tenant.events", "", kRemovedTenantSchema, false},
    EventTypeDef{"billing.usage.incremented", "billing.events", "", kBillingSchema, false},
    EventTypeDef{"task.created", "task.events", "id", kTaskSchema, false},
    EventTypeDef{"task.completed", "task.events", "id", kTaskSchema, false},
};

constexpr std::string_view kTopicSuffix = ".events", kDeadLetterSuffix = ".dlq";
constexpr std::size_t kMaxTypeBytes = 200;

// True for a topic of the catalogue none of whose types a client may publish. A topic that the
// catalogue does not know is anybody's.
bool written_by_the_mesh_alone(std::string_view topic) {
  bool known = false;
  for (const auto& type : kTypes) {
    if (type.topic != topic) continue;
    if (type.publishable) return false;
    known = true;
  }
  return known;
}

bool is_of_a_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

}  // namespace

std::span<const TopicDef> topics() { return kTopics; }
std::span<const EventTypeDef> event_types() { return kTypes; }

const EventTypeDef* find_event_type(std::string_view type) {
  const auto it = std::find_if(kTypes.begin(), kTypes.end(),
                               [&](const EventTypeDef& def) { return def.type == type; });
  return it == kTypes.end() ? nullptr : &*it;
}

// By the suffix and not by the catalogue, so that compaction can ask it of the bare header of a
// record.
bool is_removal(std::string_view type) { return type.ends_with(".deleted"); }

std::string subject_of(const EventTypeDef& type, const Json& data) {
  if (type.subject_field.empty() || !data.is_object()) return {};
  const auto it = data.find(type.subject_field);
  if (it == data.end()) return {};
  // A producer may write the same id as a number or as a string; both have to come to the same key,
  // or the order of the subject's events is lost.
  if (it->is_string()) return it->get<std::string>();
  return it->is_number_integer() ? it->dump() : std::string();
}

std::string timestamp_of(const EventTypeDef& type, const Json& data) {
  // Clients publish activities, and these alone have one.
  if (!type.publishable || !data.is_object()) return {};
  const auto it = data.find("timestamp");
  if (it == data.end() || !it->is_string() || !parse_rfc3339(it->get_ref<const std::string&>())) {
    return {};
  }
  return it->get<std::string>();
}

std::string dead_letter_topic(std::string_view topic) {
  return std::string(topic) + std::string(kDeadLetterSuffix);
}

bool is_dead_letter_topic(std::string_view topic) { return topic.ends_with(kDeadLetterSuffix); }

Result<std::string> topic_of_unknown_type(std::string_view type) {
  const auto allowed = [](char c) { return is_of_a_name(c) || c == '.'; };
  // At the first dot, so that every action of an entity, however many parts it has, goes to one
  // topic.
  const auto dot = type.find('.');
  if (type.size() > kMaxTypeBytes || dot == 0 || dot == std::string_view::npos ||
      type.back() == '.' || type.find("..") != std::string_view::npos ||
      !std::all_of(type.begin(), type.end(), allowed)) {
    return fail(ErrorKind::invalid,
                "not an event type: write <entity>.<action> in lower-case letters, digits, _ and -,"
                " at most 200 bytes");
  }
  std::string topic(type.substr(0, dot));
  topic += kTopicSuffix;
  // find_event_type comes first with its callers, so this meets only types such as "user.renamed".
  if (written_by_the_mesh_alone(topic)) {
    return fail(ErrorKind::invalid, "events of " + topic + " are written by the mesh alone");
  }
  return topic;
}

bool is_topic_name(std::string_view name) {
  if (is_dead_letter_topic(name)) name.remove_suffix(kDeadLetterSuffix.size());
  if (!name.ends_with(kTopicSuffix)) return false;
  name.remove_suffix(kTopicSuffix.size());
  return !name.empty() && std::ranges::all_of(name, is_of_a_name);
}

Status validate_data(const EventTypeDef& type, const Json& data) {
  if (conforms(type, data)) return {};
  return check_schema(type, data);
}

}  // namespace mesh
