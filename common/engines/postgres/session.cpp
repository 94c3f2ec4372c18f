#include "common/engines/postgres/session.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <chrono>

#include "common/base/free_with.h"
#include "common/base/strings.h"
#include "common/base/wait_fd.h"
#include "common/engines/postgres/dsn.h"
#include "common/engines/postgres/errors.h"

namespace mesh::postgres {
namespace {

using Result_ = std::unique_ptr<pg_result, FreeWith<PQclear>>;

// Beyond the server's own limit, which ends a statement without the session.
constexpr Duration kGrace{2'000};
constexpr int kBinary = 1;

// As wait_fd counts it.
SteadyTime now() { return std::chrono::steady_clock::now(); }

std::string one_line(const char* said) {
  std::string text{trim(said == nullptr ? "" : said)};
  std::ranges::replace(text, '\n', ' ');
  return text;
}

// Of what the server says unasked only that it ends the session matters.
void note_end(void* broken, const pg_result* said) {
  const char* severity = PQresultErrorField(said, PG_DIAG_SEVERITY_NONLOCALIZED);
  const std::string_view is = severity == nullptr ? "" : severity;
  if (is == "FATAL" || is == "PANIC") *static_cast<bool*>(broken) = true;
}

}  // namespace

void Session::Close::operator()(pg_conn* connection) const { PQfinish(connection); }

Session::Session(pg_conn* connection, const StoreOptions& options)
    : connection_(connection),
      limit_(options.statement_timeout + kGrace),
      server_(server_name(options)) {}

Session::~Session() = default;

Result<std::unique_ptr<Session>> Session::open(const StoreOptions& options) {
  const std::string seconds = std::to_string(std::max<std::int64_t>(
      2, std::chrono::ceil<std::chrono::seconds>(options.connect_timeout).count()));
  // What stands before the dsn it may set otherwise; what stands behind it, it may not.
  const char* const names[] = {"target_session_attrs",
                               "keepalives_idle",
                               "sslmode",
                               "dbname",
                               "connect_timeout",
                               "client_encoding",
                               "sslrootcert",
                               "password",
                               "fallback_application_name",
                               nullptr};
  // Null: as if it was not named.
  const char* const ca_file = options.ca_file.empty() ? nullptr : options.ca_file.c_str();
  const char* const values[] = {"read-write",
                                "30",
                                ca_file == nullptr ? nullptr : "verify-full",
                                options.dsn.c_str(),
                                seconds.c_str(),
                                "UTF8",
                                ca_file,
                                options.password.empty() ? nullptr : options.password.c_str(),
                                "meshd",
                                nullptr};
  std::unique_ptr<Session> session(new Session(PQconnectdbParams(names, values, 1), options));
  PGconn* const connection = session->connection_.get();
  if (connection == nullptr || PQstatus(connection) != CONNECTION_OK) {
    const std::string said = one_line(PQerrorMessage(connection));
    return fail(connect_error(said, "postgres " + session->server_ + ": " + said));
  }
  PQsetnonblocking(connection, 1);
  PQsetNoticeReceiver(connection, &note_end, &session->broken_);
  MESH_TRY(session->greet(options));
  return session;
}

Status Session::greet(const StoreOptions& options) {
  auto rows = MESH_TRY(
      run(query("SELECT set_config('search_path', quote_ident($1), false),"
                " set_config('statement_timeout', $2, false),"
                " set_config('idle_in_transaction_session_timeout', $2, false),"
                " set_config('default_transaction_isolation', 'read committed', false),"
                " set_config('synchronous_commit', CASE current_setting('synchronous_commit')"
                "   WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false),"
                " current_setting('server_encoding')",
                options.schema, std::to_string(options.statement_timeout.count()))));
  if (rows.text(0, 5) == "UTF8") return {};
  return fail(ErrorKind::unavailable,
              "the database of postgres.dsn holds texts in " + rows.string(0, 5) +
                  ": make one with ENCODING 'UTF8'",
              "postgres " + server_);
}

Result<std::vector<Rows>> Session::run(const std::vector<Query>& queries) {
  std::vector<const Query*> all;
  for (const auto& one : queries) all.push_back(&one);
  maybe_done_ = !in_transaction();
  return pipeline(all);
}

Result<Rows> Session::run(const Query& one) {
  maybe_done_ = !in_transaction();
  auto rows = MESH_TRY(pipeline({&one}));
  return std::move(rows.front());
}

Result<std::vector<Rows>> Session::begin(const std::vector<Query>& queries) {
  const Query begin{"BEGIN", Params()};
  std::vector<const Query*> all{&begin};
  for (const auto& one : queries) all.push_back(&one);
  maybe_done_ = false;
  auto rows = MESH_TRY(pipeline(all));
  rows.erase(rows.begin());
  return rows;
}

Result<std::vector<Rows>> Session::commit(const std::vector<Query>& queries) {
  const Query commit{"COMMIT", Params()};
  std::vector<const Query*> all;
  for (const auto& one : queries) all.push_back(&one);
  all.push_back(&commit);
  maybe_done_ = true;
  auto rows = MESH_TRY(pipeline(all));
  rows.pop_back();
  return rows;
}

void Session::roll_back() {
  if (broken_ || !in_transaction()) return;
  const Query roll_back{"ROLLBACK", Params()};
  const std::string state = state_;
  maybe_done_ = false;
  (void)pipeline({&roll_back});  // what fails breaks the session
  state_ = state;
}

Result<std::vector<Rows>> Session::pipeline(const std::vector<const Query*>& queries) {
  state_.clear();
  if (broken_) return lost("the connection is closed");
  const auto sent = MESH_TRY(send(queries));
  std::vector<Rows> rows;
  const Status taken = take_results(sent, rows);
  if (!broken_ && PQexitPipelineMode(connection_.get()) != 1) {
    return lost(one_line(PQerrorMessage(connection_.get())));
  }
  if (!taken) return fail(taken.error());
  return rows;
}

Result<std::vector<const char*>> Session::send(const std::vector<const Query*>& queries) {
  PGconn* const connection = connection_.get();
  bool good = PQenterPipelineMode(connection) == 1;
  std::vector<const char*> sent;
  std::map<const char*, std::string> names = kept_;
  for (const Query* one : queries) {
    const auto count = static_cast<int>(one->params.size());
    std::vector<const char*> values;
    std::vector<int> sizes;
    for (const auto& value : one->params.values()) {
      values.push_back(value.data());
      sizes.push_back(static_cast<int>(value.size()));
    }
    const std::vector<int> formats(values.size(), kBinary);
    if (one->kept && !names.contains(one->sql)) {
      const std::string& name = names[one->sql] = "s" + std::to_string(names.size());
      good = good && PQsendPrepare(connection, name.c_str(), one->sql, count,
                                   one->params.types().data()) == 1;
      sent.push_back(one->sql);
    }
    good =
        good &&
        (one->kept ? PQsendQueryPrepared(connection, names[one->sql].c_str(), count, values.data(),
                                         sizes.data(), formats.data(), kBinary)
                   : PQsendQueryParams(connection, one->sql, count, one->params.types().data(),
                                       values.data(), sizes.data(), formats.data(), kBinary)) == 1;
    sent.push_back(nullptr);
  }
  good = good && PQpipelineSync(connection) == 1;
  if (!good) return lost(one_line(PQerrorMessage(connection)));
  return sent;
}

// Takes all, also behind a failure, so that the session can be used on.
Status Session::take_results(const std::vector<const char*>& sent, std::vector<Rows>& rows) {
  const SteadyTime deadline = now() + limit_;
  Status status;
  for (std::size_t i = 0; i <= sent.size(); ++i) {
    while (true) {
      Result_ result(MESH_TRY(next(deadline)));
      if (!result) break;
      const auto is = PQresultStatus(result.get());
      if (is == PGRES_PIPELINE_SYNC) return status;
      if (is == PGRES_FATAL_ERROR && status) {
        status = refused(result.get());
        if (broken_) return status;
      } else if (is == PGRES_COMMAND_OK && i < sent.size() && sent[i] != nullptr) {
        kept_[sent[i]] = "s" + std::to_string(kept_.size());
      } else if (is == PGRES_TUPLES_OK || is == PGRES_COMMAND_OK) {
        rows.emplace_back(result.release());
      }
    }
  }
  return lost("an answer without an end");
}

// What a statement failed with.
Status Session::refused(const pg_result* result) {
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const std::string said = one_line(PQresultErrorMessage(result));
  if (state == nullptr) return lost(said);
  state_ = state;
  if (ends_session(state_)) {
    broken_ = true;
    // One that stops may have committed just before; the others have done nothing.
    maybe_done_ = maybe_done_ && state_.starts_with("57");
  }
  return fail(error_of(state_, "postgres " + server_ + ": " + said));
}

Result<pg_result*> Session::next(std::optional<SteadyTime> deadline) {
  PGconn* const connection = connection_.get();
  while (true) {
    const int unsent = PQflush(connection);
    if (unsent < 0) return lost(one_line(PQerrorMessage(connection)));
    if (unsent == 0 && PQisBusy(connection) == 0) return PQgetResult(connection);
    const auto events = static_cast<short>(unsent > 0 ? POLLIN | POLLOUT : POLLIN);
    if (!wait_fd(PQsocket(connection), events, deadline)) {
      return lost("no answer within " + std::to_string(limit_.count()) + " ms");
    }
    if (PQconsumeInput(connection) != 1) return lost(one_line(PQerrorMessage(connection)));
  }
}

tl::unexpected<Error> Session::lost(const std::string& cause) {
  broken_ = true;
  return fail(ErrorKind::unavailable, "the connection to PostgreSQL broke: try again",
              "postgres " + server_ + ": " + cause);
}

Status Session::run_script(const std::string& sql) {
  state_.clear();
  maybe_done_ = true;
  if (PQsendQuery(connection_.get(), sql.c_str()) != 1) {
    return lost(one_line(PQerrorMessage(connection_.get())));
  }
  Status status;
  while (true) {
    Result_ result(MESH_TRY(next(std::nullopt)));
    if (!result) return status;
    if (PQresultStatus(result.get()) != PGRES_FATAL_ERROR || !status) continue;
    status = refused(result.get());
  }
}

bool Session::alive() {
  if (broken_) return false;
  // An idle session has nothing to read but news, and the end: the server's word of it, or that the
  // connection is closed.
  for (pollfd ready{fd(), POLLIN, 0}; !broken_ && poll(&ready, 1, 0) > 0;) {
    broken_ =
        PQconsumeInput(connection_.get()) != 1 || PQstatus(connection_.get()) != CONNECTION_OK;
    (void)PQisBusy(connection_.get());  // reads what came (see note_end)
  }
  return !broken_;
}

bool Session::in_transaction() const {
  const auto status = PQtransactionStatus(connection_.get());
  return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

int Session::fd() const { return PQsocket(connection_.get()); }

Result<std::vector<std::string>> Session::notifications() {
  if (PQconsumeInput(connection_.get()) != 1) {
    return lost(one_line(PQerrorMessage(connection_.get())));
  }
  std::vector<std::string> all;
  using Notification = std::unique_ptr<PGnotify, FreeWith<PQfreemem>>;
  while (const Notification one{PQnotifies(connection_.get())}) all.emplace_back(one->extra);
  return all;
}

}  // namespace mesh::postgres
