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
  float score = 0;  // of Embedder::embed_query, -1…1
  std::string email;
  std::string name;
};
// {"user_id","tenant_id","score","email","name"}; score rounded to 6 digits.
Json to_json(const SearchHit& hit);
// Appends the same as text, without the value; the score always with 6 digits.
void append_json(std::string& out, const SearchHit& hit);

// How a user's e-mail or name matches what was asked for; later ones count more.
enum class TextMatch { none, prefix, exact };

// What was asked for, as text. `exact` where the e-mail is the same by email_key or the name by
// name_key, `prefix` where either begins with it. Empty text matches nobody.
class SearchText {
 public:
  SearchText() = default;
  explicit SearchText(std::string_view query);
  bool empty() const { return name_key_.empty(); }
  const std::string& email_key() const { return email_key_; }
  const std::string& name_key() const { return name_key_; }
  TextMatch match(std::string_view email, std::string_view name) const;

 private:
  std::string email_key_, name_key_;
};

// The order of hits: by match, then by score, then by user id. Leaves the first k.
void keep_first(std::vector<SearchHit>& hits, const SearchText& text, std::size_t k);

// The text of a user that is embedded, "<name> <email>": one formula for indexing, rebuild and
// verification.
std::string embedding_text(std::string_view name, std::string_view email);

}  // namespace mesh
