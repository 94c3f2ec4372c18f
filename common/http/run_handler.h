// The end of the chain: hooks, then the handler of the route.
#pragma once

#include <memory>

#include "common/http/chain.h"
#include "common/http/exchange.h"
#include "common/http/server.h"

namespace mesh::http {

// Authentication, and admission where it does not block. On the connection's thread, as soon as the
// head has come.
Refusal ask_hooks(Exchange& exchange, const Hooks& hooks, bool admission);

// Admission, where it was not asked yet, the decoding of the body, and the handler. The answer
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
