// What every LeaseStore does.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "common/ports/lease_store.h"
#include "tests/support/manual_clock.h"

namespace mesh::test {

struct LeaseEngine {
  std::string name;
  // Nothing where the engine's server is not installed: the tests are then skipped.
  std::function<std::shared_ptr<LeaseStore>(Clock&)> make;
};
inline std::ostream& operator<<(std::ostream& out, const LeaseEngine& engine) {
  return out << engine.name;
}

class LeaseStoreContract : public ::testing::TestWithParam<LeaseEngine> {
 protected:
  static constexpr Duration kTtl{10'000};
  void SetUp() override {
    if (!leases_) GTEST_SKIP() << "no server of this engine here; ./scripts/bootstrap installs it";
  }
  // Nothing where it is held.
  std::optional<Lease> acquire(const std::string& name, const std::string& holder = "a") {
    auto lease = leases_->acquire(name, holder, kTtl);
    EXPECT_TRUE(lease) << lease.error().to_string();
    return lease.value_or(std::nullopt);
  }
  // "relay a" of each that is held.
  std::vector<std::string> held() {
    std::vector<std::string> all;
    const auto listed = leases_->list().value();
    for (const auto& info : listed) all.push_back(info.name + " " + info.holder);
    return all;
  }

  ManualClock clock_;
  std::shared_ptr<LeaseStore> leases_ = GetParam().make(clock_);
};

}  // namespace mesh::test
