// The stores of record in PostgreSQL, which processes share: a database's schema holds one mesh.
// Tested with 15; 13 and later have all that is used.
//
// Time of leases, members, tasks and claims is the server's. Every transaction is durable by the
// server's own settings; `synchronous_commit` is raised to on where it is off.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/backoff.h"
#include "common/base/clock.h"
#include "common/domain/server_finding.h"
#include "common/ports/stores.h"

namespace mesh::postgres {

struct StoreOptions {
  // What libpq takes: "host=db dbname=mesh user=mesh sslmode=verify-full", or a URI. TLS goes by
  // its sslmode, sslrootcert, sslcert and sslkey. Connections are sessions of their own: a pooler
  // between has to pool sessions, not transactions.
  std::string dsn;
  std::string password;  // empty: what the dsn, PGPASSWORD or ~/.pgpass says
  // PEM file of the authorities that sign the server, which then has to prove its name, too, unless
  // the dsn has an sslmode of its own. Empty: as the dsn says.
  std::string ca_file;
  std::string schema = "mesh";  // [a-z_][a-z0-9_]*, at most 40; made where it is missing
  // False: the schema stays as it is. open() is then `not_found` where there is none, and
  // `conflict` where it is an older program's.
  bool make_schema = true;
  // Connections at most, beside one that listens. More let more reads run side by side.
  int pool = 8;
  // What waits to be written, before it is refused as `unavailable`.
  std::size_t max_pending_bytes = 64 << 20;
  Duration connect_timeout{5'000};     // for each of the dsn's hosts; rounded up to seconds
  Duration statement_timeout{10'000};  // of one statement, locks included, by the server and here
  // For tenants' rows that another transaction holds, before a group of users' changes is committed
  // without theirs, which wait on for statement_timeout. More lets a process that stands still hold
  // up the changes of all tenants for longer, once.
  Duration lock_patience{300};
  // Between two attempts to connect; max_attempts means nothing, since none is the last.
  BackoffPolicy reconnect{Duration{100}, Duration{5'000}};
  // For metrics: after each group of users' changes, how long it took and how many they were.
  std::function<void(double seconds, int jobs)> on_commit;
};

// Reads and changes that block do so for one or two round trips; where the server stands still, for
// connect_timeout and statement_timeout at most, and once more where a call is repeated on another
// connection. An error is `unavailable` where nothing was changed, `uncertain` where the answer to
// a commit was lost and could not be found out. Completions are called from threads of the store.
class PostgresStores : public Stores {
 public:
  // Connects, and makes or brings up to date the schema, one process at a time. `clock`, which must
  // outlive the stores, gives the times of events and measures pauses. `unavailable` where the
  // server cannot be reached or refuses, with what to do; `conflict` for the schema of a newer
  // program; `invalid` for options that cannot be right.
  static Result<std::unique_ptr<PostgresStores>> open(StoreOptions options, Clock& clock);
  // Why the last attempt to reach the server failed; nothing while it answers. Any thread; does not
  // block.
  virtual std::optional<Error> trouble() const = 0;
  // For an operator; blocks as a read does. Nothing where trouble() says why not.
  virtual std::vector<ServerFinding> examine() = 0;
};

// The SQL of all steps that make the schema, for whoever may not let meshd make it: psql runs it as
// it is, any number of times. It needs a role that may create a schema in the database, or owns
// the one that is there; meshd then needs USAGE of the schema, and SELECT, INSERT, UPDATE and
// DELETE of its tables, USAGE of its sequences and EXECUTE of its functions.
std::string migrations(const std::string& schema = "mesh");

}  // namespace mesh::postgres
