// Finds the record of an event by its id. The log has no index of ids: the time inside a UUIDv7
// says where to look, since the log takes an event soon after it was made. What is there is read in
// windows that grow around that time, each record once, so that clocks may differ and an event may
// have waited in the outbox. A client's own id tells no time: the newest records are read first,
// unless a bound says where to begin.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/json.h"
#include "common/ports/event_log.h"

namespace mesh::pipeline {

struct EventQuery {
  std::string id;
  std::string tenant = {};  // empty: any
  std::string topic = {};   // empty: all but those of dead letters
  std::string from = {};    // a bound (bounds.h): nothing before it is read; empty: none
};

// How many records one search reads at most: some seconds.
inline constexpr std::int64_t kMaxSearched = 1'000'000;

struct EventSearch {
  std::optional<StoredRecord> record;
  std::int64_t records = 0;        // that were read
  std::optional<Timestamp> since;  // when the log took the oldest of what was looked through
  std::optional<Timestamp> until;  // likewise; nothing: up to the end
  bool whole = true;               // false: the bound of records ended it
};
// So long before `time`, at the earliest 1970: brokers take times below it for something else.
Timestamp earlier(Timestamp time, Duration by);

// "1200 records from … on", for people.
std::string where_searched(const EventSearch& search);
// The error of one that found nothing.
Error not_found(const EventQuery& query, const EventSearch& search);

// `not_found` for a topic that does not exist. Blocks while it reads.
Result<EventSearch> find_event(EventLog& log, LogAdmin& admin, const EventQuery& query,
                               Timestamp now, std::int64_t max_records = kMaxSearched);

// Whether the record is of the event with that id, and of the tenant where one is named.
bool is_event(const StoredRecord& record, const EventQuery& query);

}  // namespace mesh::pipeline
