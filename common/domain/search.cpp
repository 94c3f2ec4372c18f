#include "common/domain/search.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace mesh {

Json to_json(const SearchHit& hit) {
  const double score = std::round(static_cast<double>(hit.score) * 1e6) / 1e6;
  return {{"user_id", hit.user_id},
          {"tenant_id", hit.tenant.str()},
          {"score", score},
          {"email", hit.email},
          {"name", hit.name}};
}

void append_json(std::string& out, const SearchHit& hit) {
  const auto micros = std::lround(static_cast<double>(hit.score) * 1e6);
  char score[32];
  const int size = std::snprintf(score, sizeof score, "%s%ld.%06ld", micros < 0 ? "-" : "",
                                 std::abs(micros) / 1'000'000, std::abs(micros) % 1'000'000);
  out.append(R"({"user_id":)").append(std::to_string(hit.user_id)).append(R"(,"tenant_id":)");
  append_quoted(out, hit.tenant.str());
  out.append(R"(,"score":)").append(score, static_cast<std::size_t>(size));
  out += R"(,"email":)";
  append_quoted(out, hit.email);
  out += R"(,"name":)";
  append_quoted(out, hit.name);
  out += '}';
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
