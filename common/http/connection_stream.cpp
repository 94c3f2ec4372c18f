// How a connection carries a stream of events. It takes no further request.
#include "common/http/access_log.h"
#include "common/http/connection.h"
#include "common/http/wire.h"

namespace mesh::http {
namespace {

constexpr std::string_view kKeepAlive = ":\n\n";

// In whose name the stream counts: what an operator does for a tenant is not the tenant's use.
std::string stream_tenant(const Exchange& exchange) {
  const auto& principal = exchange.request.principal;
  if (principal && principal->kind == Principal::Kind::operator_for_tenant) return {};
  return std::string(exchange.tenant());
}

}  // namespace

// Whether the answer is a stream, of which `events_` is set where it has a body: true also for
// HEAD. Else the answer is why there is none.
bool Connection::takes_stream(Response& response) {
  Core& core = loop_.core();
  const auto events = std::exchange(response.events, nullptr);
  const auto over = [&] {
    events->end();
    exchange_->leave();
  };
  if (core.draining) {
    over();
    response = Response::problem(503, "The server stops; try again.");
    return false;
  }
  if (exchange_->request.method == "HEAD") {
    over();
    return true;
  }
  if (auto full = core.streams.take(listener_.label, stream_tenant(*exchange_))) {
    over();
    core.metrics.rejected("streams");
    response = std::move(*full);
    return false;
  }
  core.metrics.streams.add(1);
  events_ = events;
  return true;
}

// The head is in `out_`.
void Connection::begin_stream() {
  Core& core = loop_.core();
  exchange_->memory = {};
  stream_bytes_ = 0;
  stream_end_ = core.clock.steady() + core.options.max_stream_age;
  events_->begin({[exchange = exchange_] { exchange->inbox->push(exchange); },
                  Reservation(core.buffers), remote_, std::string(exchange_->tenant()),
                  &core.metrics.events_dropped});
  loop_.enter(*this, Phase::streaming);
  next_events();
}

void Connection::next_events() {
  Core& core = loop_.core();
  more_events_ = false;
  const auto taken = events_->take();
  core.metrics.events_sent.add(static_cast<double>(taken.events));
  append_events(taken.bytes);
  const bool too_old = core.clock.steady() >= stream_end_;
  // A client that has said that it sends no more has left before there was a stream.
  const bool cut = core.draining || half_closed_ || too_old;
  if (cut && !taken.last) append_events(format_retry(events_->options().retry));
  const bool over = taken.last || cut;
  if (over) {
    if (chunked_) append_chunk(out_, "");
    end_stream(taken.last);
  }
  // The end is also the connection's: of HTTP/1.0 it brings no bytes.
  if (over || !out_.empty()) flush();
}

// On the loop's next round, so that the others have their turn before.
void Connection::more_events() {
  more_events_ = true;
  if (phase_ == Phase::streaming) loop_.later(*this);
}

void Connection::keep_alive() {
  if (loop_.core().clock.steady() >= stream_end_) return next_events();
  append_events(kKeepAlive);
  flush();
}

void Connection::append_events(std::string_view bytes) {
  if (bytes.empty()) return;  // as a chunk it would be the end
  stream_bytes_ += bytes.size();
  chunked_ ? append_chunk(out_, bytes) : void(out_.append(bytes));
}

// `told`: the handler has ended it, and need not hear so.
void Connection::end_stream(bool told) {
  Core& core = loop_.core();
  const auto events = std::exchange(events_, nullptr);
  const auto exchange = std::exchange(exchange_, nullptr);
  events->end();
  told ? exchange->forget_gone() : exchange->leave();
  core.streams.give_back(listener_.label, stream_tenant(*exchange));
  core.metrics.streams.add(-1);
  const auto counts = events->counts();
  log_stream(*exchange, {core.clock.steady(), counts.taken, counts.dropped, stream_bytes_});
}

}  // namespace mesh::http
