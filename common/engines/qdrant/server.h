// Requests to a Qdrant server: its answers as results, its refusals as errors that say what to do.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/engines/qdrant/qdrant_index.h"
#include "common/http/client.h"

namespace mesh::qdrant {

struct Call {
  std::string method;
  std::string path;        // "/collections/x/points?wait=true"
  std::string body;        // JSON, or empty
  bool change = false;     // without an answer it may be done: `uncertain`
  bool completes = false;  // only an answer "completed" counts
  int patience = 1;        // times the options' time-out
};

// Any thread. `not_found` and `conflict` are the server's 404 and 409; every other error is
// `unavailable` or, of a change, `uncertain`.
class Server {
 public:
  Server(IndexOptions options, Clock& clock);
  ~Server();

  // The answer's "result". Repeats what has failed for a reason that may pass; so every call must
  // be one that may be done twice.
  Result<Json> ask(const Call& call);
  // Minor version of Qdrant 1.x: 16 or more. Asks where it is not known.
  Result<int> minor_version();
  std::optional<Error> trouble() const;

 private:
  class Turn;
  struct Outcome;

  Outcome ask_once(const Call& call);
  Result<http::Response> send(const Call& call);
  bool pause(Duration time);
  std::uint64_t random();
  void note(const std::optional<Error>& trouble);
  void probe();

  const IndexOptions options_;
  Clock& clock_;
  http::Client client_;
  std::atomic<int> minor_version_{0};  // 0: not known

  mutable std::mutex mutex_;  // guards the following
  std::condition_variable stop_;
  std::condition_variable free_;  // a connection was given back
  bool stopping_ = false;
  int in_use_ = 0;
  std::optional<Error> trouble_;
  std::mt19937_64 random_{std::random_device{}()};

  std::thread prober_;  // last: it uses all of the above
};

}  // namespace mesh::qdrant
