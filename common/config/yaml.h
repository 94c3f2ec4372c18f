// The YAML of a configuration file as a plain tree; yaml-cpp stays behind it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/base/json.h"

namespace mesh::config {

using Environment = std::function<const char*(const char*)>;

struct Member;

struct Value {
  enum class Kind { null, scalar, list, mapping };
  Kind kind = Kind::null;
  std::string text;             // of a scalar, as written, without quotes
  bool quoted = false;          // of a scalar
  std::vector<Value> items;     // of a list
  std::vector<Member> members;  // of a mapping, in the file's order

  bool is_null() const { return kind == Kind::null; }
};

struct Member {
  std::string name;
  Value value;
};

// Reads one YAML document of at most 1 MiB. `invalid`, with the line, for broken syntax, duplicate
// keys, keys that are not scalars, a second document, or a tree beyond the bounds (depth 16, 10,000
// nodes, 16 aliases). An empty text is a null.
Result<Value> parse_yaml(const std::string& text);

// Expands ${VAR}, ${VAR:-default} (taken where VAR is unset or empty) and $$ in a scalar's text.
// The error's message is what is wrong, without the path.
Result<std::string> expand(std::string_view text, const Environment& env);

// One scalar, list of scalars or flat object in YAML, on one line, such that parse_yaml and expand
// give it back.
std::string to_yaml(const Json& value);

}  // namespace mesh::config
