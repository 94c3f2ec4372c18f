// JSON that the store wrote itself.
#pragma once

#include <string>
#include <string_view>

#include "common/base/json.h"

namespace mesh::postgres {

inline Error damaged(const std::string& what, std::string cause = {}) {
  Error error;
  error.kind = ErrorKind::corrupt;
  error.message = "the database is damaged: " + what + " cannot be read";
  error.cause = std::move(cause);
  return error;
}

// The limits of untrusted input do not apply to what was checked when it came in.
inline Result<Json> parse_stored(std::string_view text, const std::string& what) {
  auto json = parse_json(text, {.max_depth = 128, .max_bytes = std::size_t{1} << 30});
  if (json) return json;
  return fail(damaged(what, json.error().to_string()));
}

}  // namespace mesh::postgres
