// The records of the log that are of a tenant, or of one of its users: counted, and taken out.
//
// All records of all topics are read for it: an index by tenant would cost each append what is
// asked for once in a tenant's life.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/domain/erasure.h"
#include "common/ports/event_log.h"

namespace mesh::pipeline {

// One thread.
class KeptRecords {
 public:
  // Told after each read how many offsets it passed; an error ends the work, and is its error.
  using Seen = std::function<Status(std::int64_t offsets)>;
  // What a part lost.
  using Erased = std::function<Status(const std::string& place, std::int64_t count)>;

  // What is given outlives it.
  KeptRecords(EventLog& log, LogAdmin& admin, Clock& clock, ErasureTarget target)
      : log_(log), admin_(admin), clock_(clock), target_(std::move(target)) {}

  // How many offsets count() passes, as of now.
  Result<std::int64_t> size();
  // A part for each topic that can hold some: "log/user.events". Those of the operator remain
  // (tenant.events, task.events); so do records of a log that takes no single one out, and what
  // says that a user is gone, for those who have not read it yet. Tombstones are none: nothing is
  // in them. Where erase() writes them, entities that have none are a part that can go: "log/
  // user.events (without a tombstone)". `keyed`: records may go with the tenant's key.
  Result<std::vector<KeptPart>> count(bool keyed, const Seen& seen);
  // Takes out all that can go. Where the log takes no single record out, it writes a tombstone for
  // each entity that has none, so that compaction takes what stands before it. Repeatable.
  Status erase(const Seen& seen, const Erased& erased);

 private:
  struct Topic {
    TopicSpec spec;
    bool of_operator = false;
  };
  enum class Standing { others, tombstone, removal, kept };

  Result<std::vector<Topic>> topics();
  Standing standing(const Topic& topic, const StoredRecord& record) const;
  std::string why(const Topic& topic, bool keyed) const;
  Status each(const Topic& topic, const Seen& seen,
              const std::function<Status(const TopicPartition&, std::vector<StoredRecord>&)>& use);
  Status erase_records(const Topic& topic, const Seen& seen, const Erased& erased);
  // Whether its entities get tombstones, in place of being taken out.
  bool buries(const Topic& topic) const;
  Record tombstone(const Topic& topic, const std::string& key) const;
  Status bury_entities(const Topic& topic, const Seen& seen);

  EventLog& log_;
  LogAdmin& admin_;
  Clock& clock_;
  const ErasureTarget target_;
};

}  // namespace mesh::pipeline
