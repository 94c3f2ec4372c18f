// Many users into a tenant: a reader, several requests in flight, what became of each row.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "cli/import/row_reader.h"
#include "cli/retry.h"
#include "common/client/client.h"

namespace mesh::cli {

struct RowFailure {
  std::int64_t line = 0;
  std::string email;  // empty for a row that could not be read
  std::string reason;
  std::string text;  // the row as it stands in the file
};

struct ImportCounts {
  std::int64_t rows = 0;  // read so far
  std::int64_t created = 0;
  std::int64_t existing = 0;  // the tenant had a user of this e-mail address
  std::int64_t failed = 0;
  std::int64_t done() const { return created + existing + failed; }
};

struct ImportResult {
  ImportCounts counts;
  bool interrupted = false;
  std::optional<Error> stopped;  // why it ended before the file did
};

struct ImportOptions {
  int parallel = 8;
  bool existing_fails = false;
};

// The answer of one POST.
using CreateUser =
    std::function<Result<client::CreatedUser>(const NewUser&, const std::string& idempotency_key)>;

// What it tells its caller; calls come one at a time, from the threads that send.
struct ImportHooks {
  std::function<void(const RowFailure&)> failed;
  std::function<void(const ImportCounts&)> progressed;
  std::function<bool()> interrupted = [] { return false; };
  Nap sleep = nap;
};

// Reads on the calling thread; at most parallel × 4 rows wait. What is refused for good fails its
// row; a bad credential or a server that stays away stops the whole import, since every further row
// would end alike. An interrupt lets the requests under way finish.
ImportResult import_users(RowReader& rows, const CreateUser& create, const ImportOptions& options,
                          const ImportHooks& hooks);

// The same row has the same key, in whichever file and line: a repeated import changes nothing.
std::string import_key(const NewUser& user);

}  // namespace mesh::cli
