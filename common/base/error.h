// The one error type of the mesh and the result that carries it.
//
// Expected failures are values: functions return Result<T> (or Status) and never throw across a
// room's door. Each Error has two texts: `message` may be shown to a client; `cause` is for the
// log only and may name files, SQL or addresses.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

namespace mesh {

enum class ErrorKind {
  invalid,          // malformed input: HTTP 400, exit code 2
  unauthenticated,  // 401, exit 4
  forbidden,        // 403, exit 4
  not_found,        // 404, exit 3
  conflict,         // 409
  too_large,        // 413
  unsupported,      // 415
  unprocessable,    // 422: well-formed, but against a schema
  rate_limited,     // 429, exit 5
  unavailable,      // 503: an engine or a resource is not there now; worth another try
  uncertain,        // 503: no answer came in time or whole, so it may be done, or some of it
  timeout,          // 504, exit 7
  cancelled,        // the caller or the process stopped it
  corrupt,          // stored bytes are damaged; never worth another try
  internal,         // a bug
};

// "invalid", "not_found", …
std::string_view to_string(ErrorKind kind);
// The kind of that name.
std::optional<ErrorKind> error_kind(std::string_view name);

// One offending place of a document: a JSON pointer and what is wrong there.
struct FieldError {
  std::string pointer;
  std::string detail;
  bool operator==(const FieldError&) const = default;
};

// Of `rate_limited`: what is used up. `limit` is 0 and `ends` empty where that is a rate limit,
// which has no period; of a quota that is a level `ends` is empty.
struct UsedUp {
  std::string policy;  // a scope of rate limits, or a quota
  std::int64_t limit = 0;
  std::string ends;  // RFC 3339
};

struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string message;             // what was wrong, where, what to do; may be shown to a client
  std::string cause;               // for the log only; may be empty
  std::vector<FieldError> fields;  // for `unprocessable`
  std::optional<std::chrono::milliseconds> retry_after;
  std::string request_id;  // of the answer that told it, where a server did; may be empty
  std::optional<UsedUp> used_up = {};

  // True where the same call may succeed later: unavailable, uncertain, timeout,
  // rate_limited.
  bool retryable() const;
  // "not_found: no user 7 in tenant acme (cause …)": for logs and tests.
  std::string to_string() const;
};

template <typename T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

// `return fail(ErrorKind::not_found, "no user 7");` in a function that returns any Result.
tl::unexpected<Error> fail(ErrorKind kind, std::string message, std::string cause = {});
// An `uncertain` error: `what` happened, and what a client does about it.
tl::unexpected<Error> fail_uncertain(std::string what, std::string cause = {});
// Passes on an error that was looked at: `if (!r) return fail(r.error());`. Else see MESH_TRY.
tl::unexpected<Error> fail(Error error);

namespace error_detail {
template <typename T>
[[nodiscard]] T value_of(Result<T>&& result) {
  return std::move(*result);
}
inline void value_of(Status&&) {}
}  // namespace error_detail

}  // namespace mesh

// `MESH_TRY(save(user));` or `auto user = MESH_TRY(find(id));`: the value of a Result; where it is
// an error, the function around it returns that. To be a statement, or all that a variable gets: a
// return out of a larger expression may leak what that has made by then. A value that is not taken
// is a warning, since it may hold a lock: (void)MESH_TRY(…) says that it is not wanted. This is
// GNU's statement expression, which GCC and Clang have; the number lets one try stand within
// another. Boost.Outcome has such a macro, for its own result type.
#define MESH_TRY(...) MESH_TRY_NUMBERED(__COUNTER__, __VA_ARGS__)
#define MESH_TRY_NUMBERED(number, ...) MESH_TRY_JOINED(number, __VA_ARGS__)
#define MESH_TRY_JOINED(number, ...) MESH_TRY_NAMED(mesh_try_##number, __VA_ARGS__)
#define MESH_TRY_NAMED(result, ...)                              \
  ::mesh::error_detail::value_of(__extension__({                 \
    auto result = (__VA_ARGS__);                                 \
    if (!result) return ::mesh::fail(std::move(result.error())); \
    std::move(result);                                           \
  }))
