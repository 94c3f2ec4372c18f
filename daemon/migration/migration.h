// All that the engines of record hold, moved to other ones: the log, then the stores, then a look
// at whether what is there is what was to be moved.
//
// Offsets are the new log's own. Whatever names one is translated: groups, projections, parked
// events, dead letters and what settles them. The index is not moved: its groups are left out, and
// the first start builds it from the log.
#pragma once

#include "common/cipher/tenant_cipher.h"
#include "common/ports/event_log.h"
#include "common/ports/log_import.h"
#include "common/ports/stores.h"
#include "daemon/migration/journal.h"

namespace mesh::migration {

struct Side {
  EventLog& log;
  LogAdmin& admin;
  LogImport& import;
  Stores& stores;
  // With the master key of its configuration; null where that names none.
  cipher::TenantCipher* cipher = nullptr;
};

struct Options {
  Json spec;  // names both sides: what was begun is taken up only under the same
  // The settings that a topic is to have, but for its partitions.
  std::function<TopicSpec(const std::string& name, TopicKind kind)> topic;
  Journal::Told told;
  Clock& clock;
};

// Both sides are at rest. What was cut off is taken up by another call of the same spec; until it
// has ended is_unfinished() holds of the new side. {"task","state": "equal" or "differs",
// "topics":[{"name","count","tenants","state","expired"}],"tables":[…]}; what differs has not
// ended. `conflict` where meshd uses one of the sides, tasks of the old one have not ended, or the
// new one is not empty, or where a record of the old one is known by nothing but its encrypted
// value, and its side has no cipher. Blocks.
Result<Json> migrate(const Side& from, const Side& to, const Options& options);

}  // namespace mesh::migration
