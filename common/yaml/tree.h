// The YAML of a small file as a plain tree; yaml-cpp stays behind it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "common/base/error.h"

namespace mesh::yaml {

struct Member;

struct Value {
  enum class Kind { null, scalar, list, mapping };
  Kind kind = Kind::null;
  std::string text;             // of a scalar, as written, without quotes
  bool quoted = false;          // of a scalar
  bool expanded = false;        // of a scalar: a variable's value, which whoever reads it put there
  std::vector<Value> items;     // of a list
  std::vector<Member> members;  // of a mapping, in the file's order

  bool is_null() const { return kind == Kind::null; }
};

struct Member {
  std::string name;
  Value value;
  int line = 0;  // of the name, from 1; below an alias, where what it names is written
};

struct Limits {
  std::size_t depth = 16;
  int aliases = 16;
  bool any_key = false;  // else control characters in a key are refused
};

// Reads one YAML document of at most 1 MiB and 10,000 values. `invalid`, with line and column, for
// broken syntax, duplicate keys, keys that are not scalars, a second document, or a tree beyond the
// limits. An empty text is a null.
Result<Value> parse(const std::string& text, const Limits& limits = {});

}  // namespace mesh::yaml
