// One connection to the server: statements, and the errors that they end with.
//
// libpq and not libpqxx: libpqxx 6 waits for an answer without a limit, so that a server that
// stands still would hold its threads for ever; connects anew in silence, in the middle of what a
// caller takes for one session; and has no pipelines, by which a group of changes costs two round
// trips whatever their number.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/engines/postgres/params.h"
#include "common/engines/postgres/postgres_store.h"

struct pg_conn;  // libpq's

namespace mesh::postgres {

// One thread at a time.
class Session {
 public:
  // Blocks for connect_timeout at most, and as long as it takes to resolve names. The error is
  // `unavailable`.
  static Result<std::unique_ptr<Session>> open(const StoreOptions& options);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // One round trip. Outside begin() … commit() all of it is one transaction: a failure undoes all.
  Result<std::vector<Rows>> run(const std::vector<Query>& queries);
  Result<Rows> run(const Query& query);
  // A transaction of several round trips. After a failure roll_back() ends it.
  Result<std::vector<Rows>> begin(const std::vector<Query>& queries);
  Result<std::vector<Rows>> commit(const std::vector<Query>& queries);
  void roll_back();
  // A text of several statements, without a time limit.
  Status run_script(const std::string& sql);

  // Of the last failure. The server's SQLSTATE; empty where it came from no server.
  const std::string& state() const { return state_; }
  // Another transaction stood in the way; the same once more may succeed.
  bool collided() const { return state_ == "40001" || state_ == "40P01"; }
  // The session is of no use any more.
  bool broken() const { return broken_; }
  // It broke when the server may have committed what was sent.
  bool maybe_done() const { return broken_ && maybe_done_; }

  bool alive();  // false once the server has closed it; does not block
  bool in_transaction() const;
  int fd() const;
  // What others said on the channels that it listens to, so far; an error once it is broken.
  Result<std::vector<std::string>> notifications();

 private:
  struct Close {
    void operator()(pg_conn* connection) const;
  };
  Session(pg_conn* connection, const StoreOptions& options);

  Status greet(const StoreOptions& options);
  Result<std::vector<Rows>> pipeline(const std::vector<const Query*>& queries);
  // Answers what was sent: null for a query, its text for one that is to be kept from now on.
  Result<std::vector<const char*>> send(const std::vector<const Query*>& queries);
  Status take_results(const std::vector<const char*>& sent, std::vector<Rows>& rows);
  Status refused(const pg_result* result);
  // The next result; null at the end of a statement's. `deadline`: nothing for none.
  Result<pg_result*> next(std::optional<SteadyTime> deadline);
  tl::unexpected<Error> lost(const std::string& cause);

  std::unique_ptr<pg_conn, Close> connection_;
  const Duration limit_;
  std::string server_;                       // for causes
  std::map<const char*, std::string> kept_;  // the names of statements that the server keeps
  std::string state_;
  bool broken_ = false;
  bool maybe_done_ = false;
};

}  // namespace mesh::postgres
