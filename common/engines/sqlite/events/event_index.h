// The embedded EventIndex: events.db.
//
// Codes, fields and words lie in SQLite and are read from there, each tenant's beside each other;
// nothing but SQLite's own caches is kept in memory, so that a start takes no time and events that
// nobody searches cost the disk alone. Searches are exact. N and n(t) of BM25 are of the tenant and
// the type, counted in the transaction of what they count.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/base/error.h"
#include "common/ports/event_index.h"

namespace mesh::sqlite {

struct EventIndexOptions {
  std::function<void(const Error&)> on_fatal{};
  std::function<void(double seconds, int jobs)> on_commit{};  // for metrics
};

// `dir`/events.db. The caller holds the DirectoryLock of `dir`. `corrupt` where the file is
// damaged, as far as an open sees it; later, a call that meets a damaged page fails so. The index
// can be built anew from the log.
Result<std::unique_ptr<EventIndex>> open_event_index(const std::string& dir,
                                                     EventIndexOptions options);

}  // namespace mesh::sqlite
