// Many users into a tenant: a reader, batches in the order of the rows, what became of each row.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/import/row_reader.h"
#include "cli/retry.h"
#include "common/client/client.h"

namespace mesh::cli {

struct ImportCounts {
  std::int64_t rows = 0;  // read so far
  std::int64_t created = 0;
  std::int64_t existing = 0;  // the tenant had a user of this e-mail address, as the row says
  std::int64_t updated = 0;   // and one of another name
  std::int64_t failed = 0;
  std::int64_t done() const { return created + existing + updated + failed; }
};

struct ImportResult {
  ImportCounts counts;
  bool interrupted = false;
  std::optional<Error> stopped;  // why it ended before the file did
  // The line of the first row that was read and not done, and whether the server may have taken it
  // all the same: it was sent, and no answer told.
  std::optional<std::int64_t> first_undone;
  bool unanswered = false;
};

struct ImportOptions {
  // Names this run: with the line it makes the key under which a row is sent again after a lost
  // answer. Another run is another request.
  std::string run;
  bool existing_fails = false;
  client::BatchOptions batch = {};
};

// The answer of one POST: a result per user.
using CreateUsers = std::function<Result<std::vector<client::BatchResult>>(
    const std::vector<NewUser>&, const std::string& idempotency_key)>;

// What it tells its caller, from the calling thread.
struct ImportHooks {
  std::function<void(const UserRow& row, const std::string& reason)> failed;
  std::function<void(const ImportCounts&)> progressed;
  std::function<bool()> interrupted = [] { return false; };
  Nap sleep = nap;
};

// One batch at a time, so that ids follow the rows. What is refused for good fails its row; a
// request that is refused as a whole (a bad credential, a server that stays away) stops the import,
// since every further one would end alike. A batch over the tenant's rate limit is sent in halves.
// A dry run counts a row as if those before it had been taken.
ImportResult import_users(RowReader& rows, const CreateUsers& create, const ImportOptions& options,
                          const ImportHooks& hooks);

}  // namespace mesh::cli
