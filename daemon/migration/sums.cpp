#include "daemon/migration/sums.h"

#include <set>

#include "common/base/ids.h"

namespace mesh::migration {

void Sums::add(std::string_view tenant, std::string_view item) {
  auto it = by_tenant_.find(tenant);
  if (it == by_tenant_.end()) it = by_tenant_.emplace(tenant, Sum{}).first;
  ++it->second.count;
  it->second.hash += stable_hash(item);
}

std::int64_t Sums::count() const {
  std::int64_t all = 0;
  for (const auto& [tenant, sum] : by_tenant_) all += sum.count;
  return all;
}

std::size_t Sums::tenants() const { return by_tenant_.size() - by_tenant_.count(""); }

std::string Sums::compare(const Sums& other) const {
  std::set<std::string> differing;
  for (const auto& [a, b] : {std::pair(this, &other), std::pair(&other, this)}) {
    for (const auto& [tenant, sum] : a->by_tenant_) {
      const auto it = b->by_tenant_.find(tenant);
      if (it == b->by_tenant_.end() || it->second != sum) differing.insert(tenant);
    }
  }
  if (differing.empty()) return "equal";
  constexpr std::size_t kMostNamed = 5;
  std::string text = "differs:";
  std::size_t named = 0;
  for (const auto& tenant : differing) {
    if (named++ == kMostNamed) return text + " …";
    text += " " + (tenant.empty() ? "(no tenant)" : tenant);
  }
  return text;
}

Json Sums::to_json() const {
  Json json = Json::object();
  for (const auto& [tenant, sum] : by_tenant_) json[tenant] = {sum.count, sum.hash};
  return json;
}

Sums Sums::from_json(const Json& json) {
  Sums sums;
  for (const auto& [tenant, sum] : json.items()) {
    sums.by_tenant_[tenant] = {sum.at(0).get<std::int64_t>(), sum.at(1).get<std::uint64_t>()};
  }
  return sums;
}

void put(std::string& item, std::int64_t number) {
  item.append(std::to_string(number)).push_back(' ');
}

void put(std::string& item, std::string_view bytes) {
  put(item, static_cast<std::int64_t>(bytes.size()));
  item.append(bytes);
}

}  // namespace mesh::migration
