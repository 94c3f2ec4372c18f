// The catalogue of event types: topic, key and schema of each.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/base/json.h"

namespace mesh {

enum class TopicKind {
  entity,    // each event carries the whole entity; compacted: the last of each key stays for ever
  activity,  // expires by age and size
};

struct TopicDef {
  std::string_view name;  // "user.events"
  TopicKind kind;
};

struct EventTypeDef {
  std::string_view type;           // "user.created"
  std::string_view topic;          // "user.events"
  std::string_view subject_field;  // member of the data that names the subject: "id", "user_id", …;
                                   // empty: the key is the tenant alone
  std::string_view schema;  // JSON Schema (draft 7) of the data, as text
  bool publishable;         // may clients publish it, or does only the mesh write it
};

// All topics but the dead-letter ones, and all types; static storage.
std::span<const TopicDef> topics();
std::span<const EventTypeDef> event_types();
const EventTypeDef* find_event_type(std::string_view type);  // nullptr: not in the catalogue

// Whether an event of the type says that its entity is gone: "<entity>.deleted". Its data names the
// entity and nothing else; compaction removes it, too, after a while.
bool is_removal(std::string_view type);

// The subject of an event of this type: the subject field of its data as text (strings and
// integers); empty where the type has none or the data lacks it.
std::string subject_of(const EventTypeDef& type, const Json& data);

// When it happened by its data: the member `timestamp` of types that have one, as written; empty
// where there is none or what stands there is no RFC 3339 date-time.
std::string timestamp_of(const EventTypeDef& type, const Json& data);

// "<topic>.dlq". Dead-letter topics are activity topics.
std::string dead_letter_topic(std::string_view topic);
bool is_dead_letter_topic(std::string_view topic);
// The topic of a type outside the catalogue, "<entity>.events" of "<entity>.<action…>"; `invalid`
// where the type has not that form ([a-z0-9_-]+ parts separated by dots, at most 200 bytes), and
// where that topic is one that only the mesh writes (user, tenant, billing, task): a stranger's
// event there could stand in for an entity.
Result<std::string> topic_of_unknown_type(std::string_view type);

// Whether a topic of this name can be the mesh's: "<entity>.events", or the dead letters of such a
// one.
bool is_topic_name(std::string_view name);

// Checks data against its type's schema: `unprocessable` with a pointer per violation (at most
// 20); unknown types pass. Schemas are compiled once, at first use. Any thread.
Status validate_data(const EventTypeDef& type, const Json& data);

}  // namespace mesh
