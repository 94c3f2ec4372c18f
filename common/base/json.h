// JSON values, and the bounded way to read untrusted text.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"

namespace mesh {

// Objects keep the order of insertion: what is stored and answered reads as it was written.
using Json = nlohmann::ordered_json;

struct JsonLimits {
  int max_depth = 32;               // nesting of arrays and objects
  std::size_t max_bytes = 1 << 20;  // of the text
  // Numbers that would not be written back as they came (beyond 64 bits, long or trailing digits)
  // become raw_json: for what is shown and not computed with.
  bool exact_numbers = false;
};

// Reads one JSON document; a byte order mark before it is ignored. `invalid` with the byte position
// for broken syntax, invalid UTF-8, duplicate keys, a number beyond double, or trailing text;
// `too_large` beyond the limits. The parser stops at max_depth, so the stack is safe. Integers of
// 64 bits stay exact.
// nlohmann's own parser takes duplicate keys and any depth, and fills ordered objects in n².
// simdjson takes duplicate keys as well, and what it reads would still have to become a Json.
Result<Json> parse_json(std::string_view text, const JsonLimits& limits = {});

// The text of a member's value, as it stands in `object`: the text of an object that parse_json has
// taken. Empty where no member has this name.
std::string_view member_text(std::string_view object, std::string_view name);
// Likewise the texts of an array's elements, in order.
std::vector<std::string_view> element_texts(std::string_view array);
// The same document without line breaks: white space between its tokens goes where it has some.
// Numbers and strings stay as written.
std::string one_line(std::string_view document);

// A value that is passed on as the text that came in: dump writes it as it is, on one line, and
// nothing else reads it (it is no object, array, string or number). `document` is one that
// parse_json has taken.
// RapidJSON's RawValue is of its writer alone: its values cannot hold one.
Json raw_json(std::string_view document);
bool is_raw(const Json& value);
std::string_view raw_text(const Json& raw);

// Compact text, or with `indent` spaces a level; invalid UTF-8 inside strings is replaced (U+FFFD),
// never thrown.
std::string dump(const Json& value, int indent = -1);
// Appends what dump(Json(text)) is, without the value: for answers and records of a fixed form.
void append_quoted(std::string& out, std::string_view text);

}  // namespace mesh
