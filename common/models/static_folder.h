// Writes the folder of a static model (static_model.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/models/static_model.h"
#include "common/models/word_piece.h"

namespace mesh::models {

// The ids of a teacher's tokens that a static model has rows for, rising: all but its special ones,
// which no text has, and places that its vocabulary holds free ("[unused7]"). The unknown token is
// among them, since a tokenizer needs one. `unprocessable` where the tokenizer adds tokens that are
// not special: their vectors would be none of the vocabulary's.
Result<std::vector<std::int32_t>> kept_tokens(const WordPiece& pieces, const Json& tokenizer);

// The teacher's tokenizer with the kept tokens alone, which have the ids from 0 in their order, and
// without what it does for a transformer: truncation, padding, special tokens around a text.
Json reduced_tokenizer(Json tokenizer, const WordPiece& pieces,
                       const std::vector<std::int32_t>& kept);

// The bytes of a tensor of "F32", "F16" or "I8". Of I8 the largest magnitude of all becomes 127;
// the scale is not kept, since vectors are divided by their length.
std::string tensor_bytes(const std::vector<float>& numbers, const std::string& dtype);

struct NewStaticModel {
  std::vector<float> rows;  // [tokens × dimension]
  int dimension = 0;
  std::string dtype;
  Json tokenizer, config;
};

// `conflict` where `folder` is there and not an empty folder, `not_found` where the folder that it
// is to be in is not there.
Status check_new_folder(const std::string& folder);

// Writes beside, syncs, reads back, renames: the folder is there whole or not at all. Errors of
// check_new_folder; `internal` where the disk takes no more.
Result<StaticModelInfo> write_static_model(const NewStaticModel& model, const std::string& folder);

}  // namespace mesh::models
