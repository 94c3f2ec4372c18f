// One server with OpenAI's API: asks it, at its pace, and says what its refusals mean.
#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "common/base/circuit_breaker.h"
#include "common/base/json.h"
#include "common/engines/openai/model_options.h"
#include "common/engines/openai/pace.h"
#include "common/http/client.h"

namespace mesh::openai {

// What a request is for: `repair` follows the answer to another one; `proof` is something plain,
// asked for where another request failed, to see whether that was to blame.
enum class Purpose { work, repair, proof };

// Any thread.
class ModelServer {
 public:
  ModelServer(ModelOptions options, Clock& clock);

  // POST <base_url><path>; the answer's JSON, which is an object. Blocks, at most for the patience
  // and two time-outs. The caller looks at the answer and says served(), senseless() or down().
  // Three errors:
  // `unprocessable`: the server refuses what is asked (400, 413, 422).
  // `uncertain`: it fails at it, does not answer in time, or gives another answer than the API's
  // (500, 403, a page in HTML), which may be the fault of what is asked, or not: the caller asks
  // for something plain to see. Of a `proof` the message says what an operator does about it.
  // `unavailable` for the rest (401, 404, 429, 503, no connection), which an operator puts right:
  // the message names the key of the configuration.
  Result<Json> post(const std::string& path, const Json& body, Purpose purpose = Purpose::work);

  // The answer is what was asked for.
  void served();
  // It is not: `uncertain`, and a failure of the server. `what`: "has no list \"data\"".
  tl::unexpected<Error> senseless(const std::string& what, Purpose purpose, std::string cause = {});
  // It is not, whatever is asked: `unavailable`, in words of the caller's.
  tl::unexpected<Error> down(std::string message, std::string cause = {});

  // What the answer's "usage" says, or else what so many bytes of text may have been.
  Tokens tokens(const Json& answer, std::size_t input_bytes, std::size_t output_bytes = 0);

  // The last error, unless an answer came since.
  std::optional<Error> trouble() const;

 private:
  Result<Json> exchange(const std::string& path, const std::string& body, Purpose purpose,
                        bool& again);
  Result<Json> send(const std::string& path, const std::string& body, Purpose purpose, bool& again);
  Result<Json> judged(const http::Response& response, SteadyTime sent, Purpose purpose,
                      bool& again);
  // What an operator reads where the server answers all so, and where it does this one alone.
  struct Complaint {
    std::string of_all, of_this;
  };
  Complaint complaint(int status) const;
  tl::unexpected<Error> maybe_down(Complaint complaint, Purpose purpose, std::string cause);
  Error noted(ErrorKind kind, std::string message, std::string cause);
  void answered();

  const ModelOptions options_;
  Clock& clock_;
  http::Client client_;
  Pace pace_;
  CircuitBreaker breaker_;
  mutable std::mutex mutex_;
  std::optional<Error> trouble_;  // guarded by mutex_
  bool told_estimates_ = false;   // guarded by mutex_
};

}  // namespace mesh::openai
