// What every Outbox does.
#pragma once

#include "tests/contract/store_harness.h"

namespace mesh::test {

class OutboxContract : public StoreContract {
 protected:
  // Changes that add an event each.
  void add(int count);
  std::vector<std::int64_t> waiting_sequences() {
    return sequences(waiting(store_->outbox()).value());
  }
  // What the reader gives next.
  static std::vector<std::int64_t> next(OutboxReader& reader, int limit = 1'000) {
    return sequences(reader.next(limit).value());
  }
  Lease lease() { return *store_->leases().acquire("relay", "a", kTtl).value(); }
  std::unique_ptr<OutboxReader> open() { return store_->outbox().open(lease()); }
  // The answer of a wait that this thread does not wait for; the clock stands still.
  std::future<bool> waiting_for_more(OutboxReader& reader) {
    auto answer = std::async(std::launch::async, [&] { return reader.wait(Duration{1'000}); });
    clock_.await_waiters(1);
    return answer;
  }

  static constexpr Duration kTtl{10'000};

 private:
  int added_ = 0;
};

}  // namespace mesh::test
