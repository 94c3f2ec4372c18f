// The users that a query finds, which may be asked by two vectors (QueryVectors).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/ports/embedder.h"
#include "common/ports/vector_index.h"

namespace mesh::pipeline {

// As VectorIndex::search and search_in.
struct UserSearch {
  TenantId tenant;
  std::string embedder;
  SearchText text;
  int limit;
  float min_score;
  std::optional<int> generation = {};  // nothing: the one that serves
};

struct UsersFound {
  std::vector<SearchHit> hits;
  std::vector<float> by;  // the vector that they are scored by
};

// Which vector answers depends on the best scores of both alone, whatever `limit` and `min_score`
// are; by letters, where they find a user whose name or address `text` is. Errors are those of the
// index.
Result<UsersFound> search_users(VectorIndex& index, const UserSearch& search, QueryVectors query);

}  // namespace mesh::pipeline
