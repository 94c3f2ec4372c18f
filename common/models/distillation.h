// Makes a static model of a sentence transformer: no text, no Python and no other server is needed.
//
// Every token of the vocabulary but special ones goes through the transformer by itself, as
// [CLS] token [SEP]; its vector is the last layer's at the token's own position. Principal
// components keep `dimension` of the numbers, and a token of rank r in the vocabulary (from 0)
// weighs a / (a + p), with a = 1e-4 and p by Zipf's law, 1 / (r + 2), divided by the sum of all
// (S. Arora et al., A Simple but Tough-to-Beat Baseline for Sentence Embeddings, 2017).
#pragma once

#include <functional>
#include <string>

#include "common/base/error.h"
#include "common/models/static_model.h"

namespace mesh::models {

struct Distillation {
  std::string from;     // folder with model.safetensors, tokenizer.json and config.json of a BERT
  std::string to;       // folder that is made; it must not be there, or be empty
  int dimension = 256;  // of the vectors; at most the transformer's
  std::string dtype = "I8";  // or F16, F32
  int threads = 0;           // 0: as many as there are processors
  // Called now and then, from one thread at a time; false: stop, `cancelled`.
  std::function<bool(std::int64_t done, std::int64_t of)> progress;
};

// Blocks for about a minute. Writes the folder at the end, whole or not at all. `unprocessable` for
// an architecture that is none of BERT's, by name.
Result<StaticModelInfo> distil(const Distillation& options);

}  // namespace mesh::models
