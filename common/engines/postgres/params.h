// What goes with a statement, and what comes back: both in PostgreSQL's binary format.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "common/base/clock.h"
#include "common/domain/tenant.h"

struct pg_result;  // libpq's

namespace mesh::postgres {

// Bytes that need not be text: what clients write is kept as bytea, since text of PostgreSQL holds
// no NUL.
struct Bytes {
  std::string_view bytes;
};
struct BytesList {
  std::vector<std::string> items;
};
struct MaybeBytesList {
  std::vector<std::optional<std::string>> items;
};

// The parameters $1, $2, …: integers and Timestamps are bigint, texts text; of vectors arrays.
class Params {
 public:
  template <typename... Args>
  explicit Params(const Args&... args) {
    (add(args), ...);
  }

  template <typename T>
  void add(const T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      add_flag(value);
    } else if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
      add_integer(static_cast<std::int64_t>(value));
    } else if constexpr (std::is_same_v<T, Timestamp>) {
      add_integer(value.time_since_epoch().count());
    } else if constexpr (std::is_same_v<T, Duration>) {
      add_integer(value.count());
    } else if constexpr (std::is_same_v<T, TenantId>) {
      add_text(value.str());
    } else if constexpr (std::is_same_v<T, Bytes>) {
      add_bytes(value.bytes);
    } else if constexpr (std::is_same_v<T, BytesList>) {
      add_bytes(value);
    } else if constexpr (std::is_same_v<T, MaybeBytesList>) {
      add_bytes(value);
    } else if constexpr (std::is_same_v<T, std::vector<std::int64_t>> ||
                         std::is_same_v<T, std::vector<std::string>>) {
      add_list(value);
    } else {
      add_text(std::string_view(value));
    }
  }

  std::size_t size() const { return values_.size(); }
  const std::vector<unsigned>& types() const { return types_; }
  const std::vector<std::string>& values() const { return values_; }

 private:
  void add_integer(std::int64_t value);
  void add_flag(bool value);
  void add_text(std::string_view text);
  void add_bytes(std::string_view bytes);
  void add_bytes(const BytesList& list);
  void add_bytes(const MaybeBytesList& list);
  void add_list(const std::vector<std::int64_t>& list);
  void add_list(const std::vector<std::string>& list);

  std::vector<unsigned> types_;
  std::vector<std::string> values_;
};

struct Query {
  const char* sql;
  Params params;
  // The session keeps the statement, by the address of its text, and the server its plan.
  bool kept = false;
};
// Of a literal.
template <typename... Args>
Query query(const char* sql, const Args&... args) {
  return {sql, Params(args...), true};
}
// One whose plan depends on the parameters, as on how many an array has.
template <typename... Args>
Query planned_query(const char* sql, const Args&... args) {
  return {sql, Params(args...), false};
}

// The rows of an answer, from 0. A column must be of the type that it is read as.
class Rows {
 public:
  explicit Rows(pg_result* result);
  int size() const;
  std::int64_t changed() const;  // rows that the statement inserted, updated or deleted
  bool is_null(int row, int column) const;
  std::int64_t integer(int row, int column) const;  // smallint, integer, bigint; 0 of null
  bool flag(int row, int column) const;
  // text or bytea; empty of null. As long as these rows.
  std::string_view text(int row, int column) const;
  std::string string(int row, int column) const { return std::string(text(row, column)); }
  Timestamp time(int row, int column) const { return Timestamp(Duration(integer(row, column))); }

 private:
  struct Free {
    void operator()(pg_result* result) const;
  };
  std::unique_ptr<pg_result, Free> result_;
};

}  // namespace mesh::postgres
