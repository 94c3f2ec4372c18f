// Requests to a Qdrant server: its answers as results, its refusals as errors that say what to do.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/engines/qdrant/qdrant_index.h"
#include "common/http/client.h"

namespace mesh::qdrant {

// Of calls that make or drop files, or go over all points of a tenant.
inline constexpr int kPatience = 12;

// As IndexOptions must be: `invalid`. Its URL without the slashes that it may end with.
Result<IndexOptions> checked(IndexOptions options);

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
//
// Once a request got no answer further ones are not sent, lest each waits for a time-out of its
// own, until look() got one. So somebody has to look: see prober.h.
class Server {
 public:
  Server(IndexOptions options, Clock& clock);

  // The answer's "result". Repeats what has failed for a reason that may pass; so every call must
  // be one that may be done twice.
  Result<Json> ask(const Call& call);
  // One request, whatever is known of the server, beside the limit of connections; any answer.
  Result<http::Response> look(const Call& call);
  // Minor version of Qdrant 1.x: 16 or more. Asks where it is not known.
  Result<int> minor_version();
  std::optional<Error> trouble() const;
  // Blocks for as long, or until trouble began since the last rest; false once stop() was called.
  bool rest(Duration time);
  // Ends every wait between two requests. Callable twice.
  void stop();

 private:
  class Turn;
  struct Outcome;

  Outcome ask_once(const Call& call);
  std::optional<Error> silence() const;
  bool pause(Duration time);
  std::uint64_t random();
  void note(const std::optional<Error>& trouble, bool silent = false);

  const IndexOptions options_;
  Clock& clock_;
  http::Client client_;
  std::atomic<int> minor_version_{0};  // 0: not known

  mutable std::mutex mutex_;  // guards the following
  std::condition_variable stop_;
  std::condition_variable begun_;  // trouble has
  std::condition_variable free_;   // a connection was given back, or none is waited for any more
  bool stopping_ = false;
  int in_use_ = 0;
  std::optional<Error> trouble_;
  bool silent_ = false;   // the trouble is that no answer came
  bool suspect_ = false;  // trouble began since the last rest
  std::mt19937_64 random_{std::random_device{}()};
};

}  // namespace mesh::qdrant
