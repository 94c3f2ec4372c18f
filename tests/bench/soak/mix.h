// The mixed load of a soak: every kind of request at a fixed, moderate rate, from several tenants,
// while the number of users stays the same.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "tests/bench/harness.h"

namespace mesh::bench {

class Mix {
 public:
  // Creates the users that the rest works with; blocks.
  explicit Mix(Meshd& meshd);
  ~Mix();  // stop()
  void start();
  // Ends the streams and waits for what is under way. Throws what a stream threw.
  void stop();

  // Latencies since the last call: of writes, searches and reads.
  std::map<std::string, load::Histogram> take_latencies();
  // Requests that were answered as they should be so far, and those that were not, by stream.
  std::uint64_t answered() const { return answered_; }
  std::map<std::string, std::string> failures();

 private:
  struct LiveUser {
    std::string tenant;
    std::int64_t id;
  };
  struct Stream {
    std::string name;
    std::string latency;  // which of the latencies it counts for; empty: none
    load::Plan plan;
  };
  std::vector<Stream> streams();
  Stream users();
  Stream publishes();
  Stream bulks();
  Stream searches();
  Stream limited_searches();
  Stream reads();
  Stream bad_requests();
  void run(Stream stream);
  void connects();  // connections that come and go, some with half a request
  void operate();   // rebuilds, replays, purges, one after the other

  Meshd& meshd_;
  std::stop_source stop_;
  std::atomic<std::uint64_t> answered_{0};
  std::mutex mutex_;
  std::deque<LiveUser> live_;  // this and the following guarded by mutex_; oldest first
  std::map<std::uint64_t, std::string> creating_;  // tenants by number of the request
  std::map<std::string, load::Histogram> latencies_;
  std::map<std::string, std::string> failures_;
  std::vector<std::thread> threads_;  // last: they use all of the above
};

}  // namespace mesh::bench
