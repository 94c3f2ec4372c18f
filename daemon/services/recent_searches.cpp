#include "daemon/services/recent_searches.h"

namespace mesh::services {

void RecentSearches::note(const TenantId& tenant, const std::string& query) {
  if (most_ == 0 || (passed_over_ && passed_over_(tenant))) return;
  std::lock_guard lock(mutex_);
  const auto [place, is_new] = places_.try_emplace({tenant.str(), query}, searches_.end());
  if (!is_new) {
    searches_.splice(searches_.begin(), searches_, place->second);
    return;
  }
  searches_.push_front({tenant, query});
  place->second = searches_.begin();
  if (searches_.size() <= most_) return;
  const auto& last = searches_.back();
  places_.erase({last.tenant.str(), last.query});
  searches_.pop_back();
}

std::vector<pipeline::AskedQuery> RecentSearches::list(
    const std::optional<TenantId>& tenant) const {
  std::lock_guard lock(mutex_);
  std::vector<pipeline::AskedQuery> found;
  for (const auto& search : searches_) {
    if (!tenant || search.tenant == *tenant) found.push_back(search);
  }
  return found;
}

void RecentSearches::forget(const TenantId& tenant) {
  std::lock_guard lock(mutex_);
  std::erase_if(places_, [&](const auto& place) { return place.first.first == tenant.str(); });
  std::erase_if(searches_, [&](const auto& search) { return search.tenant == tenant; });
}

}  // namespace mesh::services
