// JSON values, and the bounded way to read untrusted text.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "common/base/error.h"

namespace mesh {

// Objects keep the order of insertion: what is stored and answered reads as it was written.
using Json = nlohmann::ordered_json;

struct JsonLimits {
  int max_depth = 32;               // nesting of arrays and objects
  std::size_t max_bytes = 1 << 20;  // of the text
};

// Reads one JSON document. `invalid` with the byte position for broken syntax, invalid UTF-8,
// duplicate keys, a number beyond double, or trailing text; `too_large` beyond the limits.
// The parser stops at max_depth, so the stack is safe. Integers of 64 bits stay exact.
Result<Json> parse_json(std::string_view text, const JsonLimits& limits = {});

// The text of a member's value, as it stands in `object`: the text of an object that parse_json has
// taken. Empty where no member has this name (as written, without escapes).
std::string_view member_text(std::string_view object, std::string_view name);

// Compact text; invalid UTF-8 inside strings is replaced (U+FFFD), never thrown.
std::string dump(const Json& value);
// Appends what dump(Json(text)) is, without the value: for answers and records of a fixed form.
void append_quoted(std::string& out, std::string_view text);

}  // namespace mesh
