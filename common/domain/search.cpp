#include "common/domain/search.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "common/domain/user.h"

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
  // By whole numbers, since printf of a double follows the locale, and so that "-0.000000" does not
  // come of a score that rounds to zero.
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

SearchText::SearchText(std::string_view query)
    // The query may be either, so both keys are made of it: each has its own fold.
    : email_key_(mesh::email_key(query)), name_key_(mesh::name_key(query)) {}

TextMatch SearchText::match(std::string_view email, std::string_view name) const {
  if (empty()) return TextMatch::none;
  const std::string named = mesh::name_key(name);
  if (named == name_key_ || mesh::email_key(email) == email_key_) return TextMatch::exact;
  // A part of an address has no key as an address: its domain, if there is one, may not be whole.
  // So what it begins with is compared by the fold of names.
  const bool begins = named.starts_with(name_key_) || mesh::name_key(email).starts_with(name_key_);
  return begins ? TextMatch::prefix : TextMatch::none;
}

void keep_first(std::vector<SearchHit>& hits, const SearchText& text, std::size_t k) {
  std::vector<std::pair<TextMatch, std::size_t>> order;
  // A match folds Unicode text and is made once for each hit; the sort compares each hit many
  // times.
  order.reserve(hits.size());
  for (const auto& hit : hits) order.emplace_back(text.match(hit.email, hit.name), order.size());
  std::sort(order.begin(), order.end(), [&](const auto& a, const auto& b) {
    const SearchHit &x = hits[a.second], &y = hits[b.second];
    if (a.first != b.first) return a.first > b.first;
    return x.score != y.score ? x.score > y.score : x.user_id < y.user_id;
  });
  std::vector<SearchHit> first;
  first.reserve(std::min(k, hits.size()));
  for (const auto& [match, at] : order) {
    if (first.size() == k) break;
    first.push_back(std::move(hits[at]));
  }
  hits = std::move(first);
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
