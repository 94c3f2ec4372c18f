#include "common/domain/search.h"

#include <cmath>

namespace mesh {

Json to_json(const SearchHit& hit) {
  const double score = std::round(static_cast<double>(hit.score) * 1e6) / 1e6;
  return {{"user_id", hit.user_id},
          {"tenant_id", hit.tenant.str()},
          {"score", score},
          {"email", hit.email},
          {"name", hit.name}};
}

std::string embedding_text(std::string_view name, std::string_view email) {
  std::string text;
  text.reserve(name.size() + email.size() + 1);
  text += name;
  text += ' ';
  text += email;
  return text;
}

}  // namespace mesh
