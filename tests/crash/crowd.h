// Writers that keep several daemons busy, each going on with another one where its own fails it.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "tests/crash/ledger.h"
#include "tests/crash/writer.h"

namespace mesh::crash {

class Crowd {
 public:
  static constexpr std::chrono::milliseconds kBackoff{20};
  // Longer than any outage here and what follows it: a test that waits on would never end.
  static constexpr std::chrono::minutes kPatience{10};

  Crowd(int writers, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    for (int i = 0; i < writers; ++i) {
      writers_.push_back(std::make_unique<Writer>(i, random(), ledger_, Promise::maybe_done));
      all_.push_back(writers_.back().get());
    }
  }
  ~Crowd() { stop(); }

  // Where requests go from now on; any of these. Any thread.
  void send_to(std::vector<Mesh> meshes) {
    std::lock_guard lock(mutex_);
    meshes_ = std::move(meshes);
  }
  void start() {
    stop_ = false;
    for (auto& writer : writers_) {
      threads_.emplace_back([this, &writer, turn = threads_.size()] {
        keep_writing(*writer, static_cast<int>(turn));
      });
    }
  }
  // Until so many more requests were acknowledged.
  void await(int more) const {
    const int target = acknowledged_ + more;
    const auto give_up = std::chrono::steady_clock::now() + kPatience;
    while (acknowledged_ < target) {
      if (std::chrono::steady_clock::now() > give_up) {
        ADD_FAILURE() << "requests are not acknowledged any more";
        return;
      }
      std::this_thread::yield();
    }
  }
  // Ends the load; what is under way is settled by then.
  void stop() {
    stop_ = true;
    for (auto& thread : threads_) thread.join();
    threads_.clear();
  }

  int acknowledged() const { return acknowledged_; }
  // The most times that one request had to be sent again.
  int most_repeats() const { return most_repeats_; }
  const Ledger& ledger() const { return ledger_; }
  const std::vector<Writer*>& writers() const { return all_; }

 private:
  Mesh mesh(int turn) {
    std::lock_guard lock(mutex_);
    return meshes_[static_cast<std::size_t>(turn) % meshes_.size()];
  }
  // As a load balancer would: what one does not answer goes to the next.
  void keep_writing(Writer& writer, int turn) {
    while (!stop_) {
      writer.run(mesh(turn), stop_, acknowledged_);
      int repeats = 1;
      const auto give_up = std::chrono::steady_clock::now() + kPatience;
      while (!writer.resolve(mesh(++turn))) {
        if (std::chrono::steady_clock::now() > give_up) {
          ADD_FAILURE() << "a request is answered by nobody";
          return;
        }
        ++repeats;
        std::this_thread::sleep_for(kBackoff);  // a client's, lest it takes the processor
      }
      int most = most_repeats_;
      while (repeats > most && !most_repeats_.compare_exchange_weak(most, repeats)) {
      }
    }
  }

  Ledger ledger_;
  std::vector<std::unique_ptr<Writer>> writers_;
  std::vector<Writer*> all_;
  std::vector<std::thread> threads_;
  std::atomic<bool> stop_{false};
  std::atomic<int> acknowledged_{0}, most_repeats_{0};
  std::mutex mutex_;
  std::vector<Mesh> meshes_;  // guarded by mutex_
};

}  // namespace mesh::crash
