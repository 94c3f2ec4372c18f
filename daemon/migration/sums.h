// What each tenant's part of a topic or a table comes to, so that two copies can be compared.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/json.h"

namespace mesh::migration {

// `hash`: of all items, whatever their order; what tells the order is part of an item.
struct Sum {
  std::int64_t count = 0;
  std::uint64_t hash = 0;
  bool operator==(const Sum&) const = default;
};

// By tenant; of what is no tenant's, by "". Not synchronized.
class Sums {
 public:
  void add(std::string_view tenant, std::string_view item);
  std::int64_t count() const;
  std::size_t tenants() const;  // without ""
  // "equal", or "differs: " and whose parts do.
  std::string compare(const Sums& other) const;

  Json to_json() const;
  static Sums from_json(const Json& json);

 private:
  std::map<std::string, Sum, std::less<>> by_tenant_;
};

// Items are bytes in which each part is told from the next.
void put(std::string& item, std::int64_t number);
void put(std::string& item, std::string_view bytes);

}  // namespace mesh::migration
