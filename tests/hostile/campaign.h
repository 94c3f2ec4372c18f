// Fires the shots of a generator over many connections and judges every byte that comes back.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "tests/hostile/generator.h"
#include "tests/support/raw_client.h"

namespace mesh::hostile {

class Campaign {
 public:
  Campaign(World& world, const Generator& generator, std::uint64_t seed);

  // Shots 0 … count-1 from `threads` threads, while the victim goes on reading its own data.
  void run(std::uint64_t count, int threads);
  // One shot alone; prints it and what came back.
  void run_only(std::uint64_t index);

  // What went wrong, each with how to fire it again; at most a few, the first ones.
  const std::vector<std::string>& failures() const { return failures_; }
  // Answers by status, for a summary.
  const std::map<int, std::uint64_t>& statuses() const { return statuses_; }

 private:
  class Gunner;
  void victim(const std::atomic<bool>& over);
  void fail(const std::string& what, const std::vector<std::uint64_t>& indices, const Shot& shot,
            std::string_view came);
  void count(const std::map<int, std::uint64_t>& statuses);

  const Generator& generator_;
  const std::uint64_t seed_;
  std::map<std::string, std::string> addresses_;
  const std::vector<World::Read> reads_;
  std::atomic<std::uint64_t> next_{0};
  std::mutex mutex_;
  std::vector<std::string> failures_;      // guarded by mutex_
  std::map<int, std::uint64_t> statuses_;  // guarded by mutex_
  std::atomic<bool> failed_{false};
};

}  // namespace mesh::hostile
