// Search: what is indexed and what is found.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/json.h"
#include "common/domain/tenant.h"

namespace mesh {

inline constexpr int kMaxSearchHits = 100;  // of one search

struct SearchHit {
  std::int64_t user_id = 0;
  TenantId tenant;
  float score = 0;  // cosine, -1…1
  std::string email;
  std::string name;
};
// {"user_id","tenant_id","score","email","name"}; score rounded to 6 digits.
Json to_json(const SearchHit& hit);
// Appends the same as text, without the value; the score always with 6 digits.
void append_json(std::string& out, const SearchHit& hit);

// The text of a user that is embedded, "<name> <email>": one formula for indexing, rebuild and
// verification.
std::string embedding_text(std::string_view name, std::string_view email);

}  // namespace mesh
