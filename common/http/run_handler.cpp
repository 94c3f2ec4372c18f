#include "common/http/run_handler.h"

#include "common/http/chain.h"
#include "common/http/inbox.h"
#include "common/http/worker_pool.h"

namespace mesh::http {
namespace {

// Of the thread: the handler, and whatever it calls, may answer without knowing of it.
thread_local InlineAnswer* inline_answer = nullptr;

}  // namespace

InlineAnswer::InlineAnswer(const Exchange& exchange) : exchange_(exchange) { inline_answer = this; }
InlineAnswer::~InlineAnswer() { inline_answer = nullptr; }

void InlineAnswer::deliver(const std::shared_ptr<Exchange>& exchange, Response response) {
  exchange->answer = std::move(response);
  if (inline_answer != nullptr && &inline_answer->exchange_ == exchange.get()) {
    inline_answer->given_ = true;
  } else {
    exchange->inbox->push(exchange);
  }
}

bool ask_hooks(const std::shared_ptr<Exchange>& exchange, const Hooks& hooks, Refusal& refusal) {
  // What the limiter keeps, if it keeps anything, keeps the exchange.
  const auto later = [&exchange]() -> Hooks::Decided {
    return [exchange](Result<RateDecision> decision) {
      if (!exchange->claim_decision()) return;
      exchange->decision = std::move(decision);
      exchange->inbox->push(exchange);
    };
  };
  try {
    refusal = authenticate(*exchange, hooks);
    if (!refusal) refusal = check_further(*exchange, hooks);
    return refusal || admit(*exchange, hooks, later, refusal);
  } catch (const std::exception& e) {
    refusal = Response::failure("a hook", e);
    return true;
  }
}

Refusal take_decision(Exchange& exchange, const Hooks& hooks, Result<RateDecision> decision) {
  try {
    return end_admission(exchange, hooks, std::move(decision));
  } catch (const std::exception& e) {
    return Response::failure("a hook", e);
  }
}

void run_handler(const std::shared_ptr<Exchange>& exchange, const Hooks& hooks,
                 std::chrono::nanoseconds waited) {
  // It was given up while it waited for a worker, and its client has its answer.
  if (!exchange->begin()) return;
  exchange->waited = waited;
  // Only the first of the three owns the exchange; all live as long as the responder.
  const Responder respond(
      [exchange](Response response) { InlineAnswer::deliver(exchange, std::move(response)); },
      [raw = exchange.get()](std::function<void()> gone) { raw->when_gone(std::move(gone)); },
      [raw = exchange.get()](std::function<void()> work) {
        const auto& listener = *raw->listener;
        auto& pool = raw->route->pool == Pool::slow ? *listener.slow : *listener.quick;
        return pool.push(raw->shared_from_this(), std::move(work));
      });
  try {
    if (exchange->unchecked) {
      if (auto refusal = check_blocking(*exchange, hooks)) return respond(std::move(*refusal));
    }
    // After the check, so that nothing is unpacked for a tenant that does not exist.
    if (auto refusal = decode_body(*exchange)) return respond(std::move(*refusal));
    exchange->route->handler(std::shared_ptr<const Request>(exchange, &exchange->request), respond);
  } catch (const std::exception& e) {
    respond(Response::failure("the handler", e));
  }
}

}  // namespace mesh::http
