// YAML text ↔ JSON values, for small documents that people edit and read.
// yaml-cpp's emitter is not used: it writes the texts "true" and "12" without quotes, so that they
// read back as something else.
#pragma once

#include <string>

#include "common/base/error.h"
#include "common/base/json.h"

namespace mesh::yaml {

// Plain scalars become null, booleans and numbers as YAML 1.2's core schema says, quoted ones stay
// text. `invalid` as yaml::parse; aliases are refused, too, and nesting beyond 32.
Result<Json> to_json(const std::string& text);

// Block style, two spaces, a line end after the last line. Text that would read back as something
// else is quoted, so that to_json(from_json(x)) == x. Of raw_json the numbers stand as they
// came.
std::string from_json(const Json& value);

}  // namespace mesh::yaml
