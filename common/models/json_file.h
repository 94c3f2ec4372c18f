// The JSON files of a model's folder.
#pragma once

#include <cstddef>
#include <string>

#include "common/base/json.h"

namespace mesh::models {

// Of a tokenizer.json: several times what a vocabulary of 250,000 tokens takes.
inline constexpr std::size_t kMaxJsonBytes = 64 << 20;

// An object. `too_large` beyond kMaxJsonBytes, `invalid` for what is no JSON object, else the
// errors of read_whole. Each message names the file.
Result<Json> read_json_file(const std::string& path);

}  // namespace mesh::models
