// Running one SQL statement with its parameters, and changes that answer with a value.
// SQLiteCpp's bind copies texts and throws; sqlite_orm wants SQL of its own making.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "common/base/clock.h"
#include "common/domain/tenant.h"
#include "common/engines/sqlite/core/committer.h"
#include "common/engines/sqlite/core/database.h"
#include "common/engines/sqlite/core/reader_pool.h"

namespace mesh::sqlite {

struct Blob {
  std::string_view bytes;
};

template <typename T>
void bind_value(Statement& statement, int index, const T& value) {
  if constexpr (std::is_same_v<T, Blob>) {
    statement.bind_blob(index, value.bytes);
  } else if constexpr (std::is_same_v<T, std::nullptr_t>) {
    statement.bind_null(index);
  } else if constexpr (std::is_same_v<T, Timestamp>) {
    statement.bind(index, std::int64_t{value.time_since_epoch().count()});
  } else if constexpr (std::is_same_v<T, TenantId>) {
    statement.bind_text(index, value.str());
  } else if constexpr (std::is_integral_v<T>) {
    statement.bind(index, static_cast<std::int64_t>(value));
  } else {
    statement.bind_text(index, std::string_view(value));
  }
}

// The statement with its parameters bound in order. Texts are not copied: they must outlive the
// steps, hence no temporary strings.
template <typename... Args>
Result<Statement> query(Database& db, std::string_view sql, Args&&... args) {
  static_assert(((std::is_lvalue_reference_v<Args> ||
                  !std::is_same_v<std::remove_cvref_t<Args>, std::string>)&&...));
  auto statement = db.prepare(sql);
  if (statement) {
    [[maybe_unused]] int index = 0;
    (bind_value(*statement, ++index, args), ...);
  }
  return statement;
}

// Runs it to its end; errors as error_of says.
template <typename... Args>
Status execute(Database& db, std::string_view sql, const Args&... args) {
  auto statement = MESH_TRY(query(db, sql, args...));
  return statement.run();
}

// Calls `read` with each row until it fails.
template <typename Read>
Status each_row(Result<Statement> rows, Read read) {
  if (!rows) return fail(std::move(rows.error()));
  while (true) {
    auto row = MESH_TRY(rows->step());
    if (!row) return {};
    MESH_TRY(read(static_cast<const Statement&>(*rows)));
  }
}

// What `read` makes of the first row; nothing where there is none.
template <typename Read, typename T = std::invoke_result_t<Read, const Statement&>>
Result<std::optional<T>> first_row(Result<Statement> rows, Read read) {
  if (!rows) return fail(std::move(rows.error()));
  auto row = MESH_TRY(rows->step());
  if (!row) return std::optional<T>();
  return std::optional<T>(read(static_cast<const Statement&>(*rows)));
}

inline Timestamp timestamp(const Statement& row, int column) {
  return Timestamp(Timestamp::duration(row.integer(column)));
}

// Submits `work` (Result<T>(Database&)) and answers `done` (void(Result<T>)) once the change is
// durable. The committer may run a job again after it rolled its group back, so `work` must leave
// nothing behind but rows; the last run's result is the one that was committed.
template <typename T, typename Work, typename Done>
void submit_with_result(Committer& committer, std::string_view key, std::size_t bytes, Work work,
                        Done done) {
  struct State {
    Work work;
    Done done;
    std::optional<T> result;
  };
  auto state = std::make_shared<State>(State{std::move(work), std::move(done), {}});
  committer.submit(
      key, bytes,
      [state](Database& db) -> Status {
        state->result = MESH_TRY(state->work(db));
        return {};
      },
      [state](Status status) {
        if (!status) {
          state->done(Result<T>(fail(std::move(status.error()))));
        } else {
          state->done(Result<T>(std::move(*state->result)));
        }
      });
}
// The mesh's own work.
template <typename T, typename Work, typename Done>
void submit_with_result(Committer& committer, std::size_t bytes, Work work, Done done) {
  submit_with_result<T>(committer, std::string_view(), bytes, std::move(work), std::move(done));
}

// Calls `read` with a connection from the pool.
template <typename Read>
std::invoke_result_t<Read, Database&> read_from(ReaderPool& readers, Read read) {
  auto connection = MESH_TRY(readers.connection());
  return read(*connection);
}

// The same; all statements of `read` see one state of the database.
template <typename Read>
std::invoke_result_t<Read, Database&> read_snapshot(ReaderPool& readers, Read read) {
  return read_from(readers, [&](Database& db) -> std::invoke_result_t<Read, Database&> {
    MESH_TRY(execute(db, "BEGIN"));
    auto result = read(db);
    // A transaction that only read has nothing to lose, but must not stay open.
    MESH_TRY(execute(db, "COMMIT"));
    return result;
  });
}

}  // namespace mesh::sqlite
