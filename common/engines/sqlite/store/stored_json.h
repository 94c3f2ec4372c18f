// JSON that the store wrote itself.
#pragma once

#include <string_view>

#include "common/base/json.h"
#include "common/engines/sqlite/core/damage.h"

namespace mesh::sqlite {

// The limits of untrusted input do not apply to what was checked when it came in; text that cannot
// be read back is damage.
inline Result<Json> parse_stored(std::string_view text) {
  auto json = parse_json(text, {.max_depth = 128, .max_bytes = std::size_t{1} << 30});
  if (json) return json;
  return fail(damaged_file("store.db", "a document: " + json.error().to_string()));
}

}  // namespace mesh::sqlite
