// Events and the records that carry them.
//
// On the log an event is a record in CloudEvents 1.0 Kafka binary mode: the value is the plain
// JSON data, everything else travels in headers (ce_id, ce_type, …).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/domain/tenant.h"

namespace mesh {

// The name space of the ids that the mesh derives with uuid_v5.
inline constexpr std::string_view kMeshNamespace = "b9d1f4f0-6a3c-5d2e-8f57-3c1f0a9e7d42";

using Headers = std::vector<std::pair<std::string, std::string>>;  // in order; names as written
// The first header of that name (case as stored); empty view where there is none.
std::string_view find_header(const Headers& headers, std::string_view name);

// One entry of the log, as a producer hands it in.
struct Record {
  std::string topic;
  std::string key;
  std::optional<std::string> value;  // empty: a tombstone of a compacted topic
  Headers headers;
};

struct TopicPartition {
  std::string topic;
  std::int32_t partition = 0;
  auto operator<=>(const TopicPartition&) const = default;
};

struct Position {
  std::string topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  auto operator<=>(const Position&) const = default;
};
std::string to_string(const Position& position);  // "user.events/3@17"

// One entry as the log gives it back. `time` is when the log took it, never decreasing within a
// partition.
struct StoredRecord {
  Position position;
  Timestamp time{};
  std::string key;
  std::optional<std::string> value;
  Headers headers;
};

struct Event {
  std::string id;    // UUIDv7 for ours; a foreign producer's id is kept
  std::string type;  // "user.created"
  std::string source;
  Timestamp time{};  // when it happened; not later than when the log took it
  TenantId tenant;
  std::string subject;        // what it is about within the tenant: the user id, the molecule
  std::int64_t sequence = 0;  // entity events: the entity's version; otherwise 0
  std::string content_type = "application/json";  // empty: unknown, or there is no data
  std::string traceparent;                        // may be empty
  std::string data;    // JSON text, or bytes of another content_type; empty: none
  Headers extensions;  // other CloudEvents attributes, names without "ce_"
  // `time` as its producer wrote it, with its offset and every digit (RFC 3339); empty where the
  // mesh gave it.
  std::string time_text = {};
  std::string tracestate = {};  // of the traceparent; may be empty
};
// What ce_time holds.
std::string time_text_of(const Event& event);

// Whether a `sequence` is one that Event::sequence can hold; clients may send any text there.
bool is_version(std::string_view sequence);

// Whether data of this media type is JSON: application/json, text/json, anything/…+json, whatever
// its parameters. Not for an empty one.
bool is_json_content(std::string_view content_type);

// The key of a record: "<tenant>/<subject>", or the tenant alone where there is no subject. Of a
// record that another producer keyed otherwise the tenant is what stands before the first '/',
// valid or not.
std::string key_of(const TenantId& tenant, std::string_view subject);
std::string_view tenant_of_key(std::string_view key);
std::string_view subject_of_key(std::string_view key);  // empty where there is none

// The record of an event, with the topic and the key that the catalogue says. Of an unknown type
// the topic is that of topic_of_unknown_type, empty where there is none; check the type before.
// Empty data is a record without a value.
Record to_record(const Event& event);
// Whether it says no more than that the entity of its key is gone: a record of an entity topic
// without a value. There is no event in it, and nothing for a consumer to do.
bool is_tombstone(const StoredRecord& record);
// Reads ours and foreign ones: a record without ce_ headers is accepted when its value is a JSON
// object that names `tenantId` (or `tenant_id`); its id is then derived from its position, so that
// reading it twice gives the same event, and its type from the topic ("user.created" for
// user.events, else "<entity>.recorded"), its time from the timestamp of its data where the type
// has one. An entity event without ce_sequence gets its offset + 1; elsewhere a ce_sequence that is
// no version is an extension. `unprocessable` otherwise, also for a tombstone of an entity topic.
Result<Event> from_record(const StoredRecord& record);

// Who asked for an event, and in which request: extension attributes that the mesh itself sets, in
// place of what a client writes there. Operators see them, tenants do not.
namespace accepted {
inline constexpr std::string_view kBy = "meshacceptedby";  // "user:alice", "operator:operator"
inline constexpr std::string_view kRequestId = "meshrequestid";
}  // namespace accepted

// Header names on dead letters, beside the dead event's own headers.
namespace dead_letter {
inline constexpr std::string_view kPipeline = "mesh_pipeline";
inline constexpr std::string_view kSourceTopic = "mesh_source_topic";
inline constexpr std::string_view kSourcePartition = "mesh_source_partition";
inline constexpr std::string_view kSourceOffset = "mesh_source_offset";
inline constexpr std::string_view kAttempts = "mesh_attempts";
inline constexpr std::string_view kCauseClass = "mesh_cause_class";
inline constexpr std::string_view kCause = "mesh_cause";
inline constexpr std::string_view kTenant = "mesh_tenant";
inline constexpr std::string_view kDiedAt = "mesh_died_at";  // RFC 3339
// The last of the attempts, as attempt.h has them.
inline constexpr std::string_view kHistory = "mesh_attempt_history";
// On the marker behind a letter that settles it: "<partition>@<offset>" of the letter.
inline constexpr std::string_view kSettles = "mesh_settles";
}  // namespace dead_letter

}  // namespace mesh
