// What the document of the index says; as JSON in an EpochStore.
#pragma once

#include <map>
#include <string>

#include "common/base/error.h"
#include "common/ports/vector_index.h"

namespace mesh::qdrant {

// {"mesh":"0198…","last":3,"serving":2,
//  "generations":[{"number":2,"dimension":384,"embedder":"hashing-v1"},
//                 {"number":3,"dimension":256,"embedder":"static:…/256","model":"/models/names",
//                  "shadow":true}]}
// Documents of older programs have no "model" and no "shadow"; those who read them pass over both.
struct Generations {
  std::string mesh;  // a UUID, also in the metadata of its collections; empty: none was made yet
  int last = 0;      // the last number that was used
  int serving = 0;   // 0: none
  std::map<int, GenerationSpec> specs;  // by number

  // `corrupt` where it is none; empty text is one without generations.
  static Result<Generations> parse(const std::string& text);
  std::string text() const;
};

}  // namespace mesh::qdrant
