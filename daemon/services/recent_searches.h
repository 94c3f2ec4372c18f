// What was searched for lately, to compare generations of the index by (`mesh index compare`).
//
// In the memory of the process alone, never on disk, and gone with it.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/pipeline/generations/compare.h"

namespace mesh::services {

// The last distinct ones, of all tenants. Any thread.
class RecentSearches {
 public:
  // At most `most`, 0: none; and none of tenants that are `passed_over`, as the canary's.
  explicit RecentSearches(std::size_t most, std::function<bool(const TenantId&)> passed_over = {})
      : most_(most), passed_over_(std::move(passed_over)) {}
  void note(const TenantId& tenant, const std::string& query);
  // Newest first; of one tenant, or of all.
  std::vector<pipeline::AskedQuery> list(const std::optional<TenantId>& tenant) const;
  void forget(const TenantId& tenant);

 private:
  using Key = std::pair<std::string, std::string>;  // tenant, query
  const std::size_t most_;
  const std::function<bool(const TenantId&)> passed_over_;
  mutable std::mutex mutex_;                  // guards the following
  std::list<pipeline::AskedQuery> searches_;  // newest first
  std::map<Key, std::list<pipeline::AskedQuery>::iterator> places_;
};

}  // namespace mesh::services
