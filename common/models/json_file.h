// The JSON files of a model's folder.
#pragma once

#include <string>

#include "common/base/json.h"

namespace mesh::models {

// An object, of 64 MiB at most. `not_found` where there is no file; `invalid` where it cannot be
// read or is no JSON object. Each message names the file.
Result<Json> read_json_file(const std::string& path);

}  // namespace mesh::models
