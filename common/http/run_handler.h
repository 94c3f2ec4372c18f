// The end of the chain: hooks, then the handler of the route.
#pragma once

#include <memory>

#include "common/http/chain.h"
#include "common/http/exchange.h"
#include "common/http/server.h"

namespace mesh::http {

// Authentication, and what else must hold, and admission. On the connection's thread, as soon as
// the head has come. False where the limiter answers later: the exchange comes through its inbox
// with the decision, and take_decision goes on. Else `refusal` is set, or not.
[[nodiscard]] bool ask_hooks(const std::shared_ptr<Exchange>& exchange, const Hooks& hooks,
                             Refusal& refusal);
Refusal take_decision(Exchange& exchange, const Hooks& hooks, Result<RateDecision> decision);

// What could not be checked without blocking, the decoding of the body, and the handler. The answer
// comes through the exchange's inbox, or is left in the exchange where it is given at once on the
// thread of an InlineAnswer. Does nothing for an exchange that was abandoned.
void run_handler(const std::shared_ptr<Exchange>& exchange, const Hooks& hooks,
                 std::chrono::nanoseconds waited = {});

// While one lives, an answer given on this thread to this exchange stays in the exchange and does
// not go through the inbox.
class InlineAnswer {
 public:
  explicit InlineAnswer(const Exchange& exchange);
  ~InlineAnswer();
  InlineAnswer(const InlineAnswer&) = delete;
  InlineAnswer& operator=(const InlineAnswer&) = delete;
  bool given() const { return given_; }

 private:
  friend void run_handler(const std::shared_ptr<Exchange>&, const Hooks&, std::chrono::nanoseconds);
  static void deliver(const std::shared_ptr<Exchange>& exchange, Response response);
  const Exchange& exchange_;
  bool given_ = false;
};

}  // namespace mesh::http
