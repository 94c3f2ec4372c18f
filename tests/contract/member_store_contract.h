// What every MemberStore does.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "common/ports/member_store.h"
#include "tests/support/manual_clock.h"

namespace mesh::test {

struct MemberEngine {
  std::string name;
  // Nothing where the engine's server is not installed: the tests are then skipped.
  std::function<std::shared_ptr<MemberStore>(Clock&)> make;
};
inline std::ostream& operator<<(std::ostream& out, const MemberEngine& engine) {
  return out << engine.name;
}

class MemberStoreContract : public ::testing::TestWithParam<MemberEngine> {
 protected:
  static constexpr Duration kTtl{10'000};
  void SetUp() override {
    if (!members_) GTEST_SKIP() << "no server of this engine here; ./scripts/bootstrap installs it";
  }
  void beat(const std::string& id, std::vector<std::string> feeds = {}) {
    const Timestamp since = clock_.now();
    EXPECT_TRUE(members_->heartbeat({id, {"admin"}, {"admin :1"}, "1", since, feeds}, kTtl));
  }
  std::vector<std::string> ids() {
    std::vector<std::string> all;
    const auto listed = members_->list().value();
    for (const auto& info : listed) all.push_back(info.member.id);
    return all;
  }

  ManualClock clock_;
  std::shared_ptr<MemberStore> members_ = GetParam().make(clock_);
};

}  // namespace mesh::test
