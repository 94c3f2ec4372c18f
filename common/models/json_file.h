// The JSON files of a model's folder.
#pragma once

#include <string>

#include "common/base/json.h"

namespace mesh::models {

// An object. `too_large` beyond 64 MiB, `invalid` for what is no JSON object, else the errors of
// read_whole. Each message names the file.
Result<Json> read_json_file(const std::string& path);

}  // namespace mesh::models
