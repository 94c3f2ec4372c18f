// What every TaskStore does.
#pragma once

#include "tests/contract/store_harness.h"

namespace mesh::test {

class TaskStoreContract : public StoreContract {
 protected:
  static constexpr Duration kTtl{30'000};

  TaskStore& tasks() { return store_->tasks(); }
  std::optional<ClaimedTask> claim(const std::string& owner,
                                   const std::set<std::string>& except = {}) {
    auto claimed = tasks().claim(owner, {{"replay"}, except}, kTtl);
    EXPECT_TRUE(claimed) << claimed.error().to_string();
    return claimed ? std::move(*claimed) : std::nullopt;
  }
  std::string claimed(const std::string& owner) {  // its id; empty: none
    const auto one = claim(owner);
    return one ? one->task.id : "";
  }
};

}  // namespace mesh::test
