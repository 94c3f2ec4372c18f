// YAML text ↔ JSON values, for small documents that people edit and read.
#pragma once

#include <string>

#include "common/base/error.h"
#include "common/base/json.h"

namespace mesh {

// One document of mappings, sequences and scalars; plain scalars become null, booleans and numbers
// as YAML 1.2's core schema says, quoted ones stay text. `invalid` with line and column for broken
// syntax, duplicate keys, keys that are not scalars, aliases, or nesting beyond 32. Empty text is
// null.
Result<Json> yaml_to_json(const std::string& text);

// Block style, two spaces, a line end after the last line. Text that would read back as something
// else is quoted, so that yaml_to_json(json_to_yaml(x)) == x. Of raw_json the numbers stand as they
// came.
std::string json_to_yaml(const Json& value);

}  // namespace mesh
