// What every TenantData does.
#pragma once

#include <map>
#include <string>

#include "tests/contract/store_harness.h"

namespace mesh::test {

class TenantDataContract : public StoreContract {
 protected:
  TenantData& data() { return store_->stores().tenant_data(); }
  // Three users, whose events wait in the outbox; five events of activity, three of them of user 1,
  // one of a researcher who is called 1; a parked event of user 1 and one of the molecule 1; one
  // answer; an increment of usage, which is in three totals; a key.
  void fill(const TenantId& tenant);
  void record(std::vector<AnalyticsEvent> events);
  // By place; the one that remains with why.
  std::map<std::string, std::int64_t> kept(const ErasureTarget& target);
  // In batches of so many, until there are none left; how many went.
  std::int64_t erase(const ErasureTarget& target, std::string_view place, int limit = 2);
  void erase_all(const ErasureTarget& target);
};

}  // namespace mesh::test
