// How a connection ends: after its last answer, for lack of time or of a place, with the server.
#include "common/http/chain.h"
#include "common/http/connection.h"

namespace mesh::http {
namespace {

constexpr int kDiscards = 16;                   // reads of one turn
constexpr std::size_t kKeepOutCapacity = 8192;  // of an idle connection
// nginx's number.
constexpr int kClientLeft = 499;  // for metrics and logs only

}  // namespace

void Connection::end_answer() {
  sent_ = 0;
  memory_ = Reservation(loop_.core().buffers);
  out_.clear();
  if (out_.capacity() > kKeepOutCapacity) out_.shrink_to_fit();
  if (events_ != nullptr) {
    events_->sent();
    loop_.enter(*this, Phase::streaming);
    // Not at once: a stream that is written to all the time would never let go of its loop.
    if (more_events_ || loop_.core().draining) more_events();
    return;
  }
  if (!close_after_) return loop_.enter(*this, Phase::idle);
  const bool more = readable_ || pending_used_ < pending_.size();
  std::string().swap(pending_);
  pending_used_ = 0;
  if (linger_ || more) {
    // Closing a socket with unread bytes in it resets the connection, and the client may lose the
    // answer; so the rest is read and thrown away, as much as a body may be, while it comes.
    stream_.finish();
    readable_ = true;
    progress_ = dropped_ = 0;
    return loop_.enter(*this, Phase::lingering);
  }
  // It may not know yet that the answer was the last.
  loop_.core().closing ? part() : close();
}

bool Connection::still_idle() {
  // The edge of a request that has just come may wait in this round's events; to close then would
  // drop it unanswered.
  if (unread().empty() && !later_ && !stream_.has_input()) return true;
  readable_ = true;
  advance();
  return false;
}

void Connection::part() {
  stream_.finish();
  loop_.enter(*this, Phase::parting);
  readable_ = true;
  discard();
}

void Connection::discard() {
  for (int reads = kDiscards; reads > 0 && readable_; --reads) {
    auto& scratch = loop_.scratch();
    const auto got = stream_.drop(scratch.data(), scratch.size());
    if (got.outcome == Stream::Outcome::ended || got.outcome == Stream::Outcome::failed) {
      return close();
    }
    if (got.outcome == Stream::Outcome::blocked) readable_ = false;
    dropped_ += got.bytes;
  }
  // As much as the largest body that could be under way: who sends more is not waiting for an end.
  if (dropped_ > loop_.core().options.max_bulk_body_bytes) return close();
  if (phase_ == Phase::lingering) wait_in(Phase::lingering, dropped_);
  if (readable_) loop_.later(*this);
}

void Connection::on_deadline() {
  switch (phase_) {
    case Phase::head:
      refuse(408, "The head of the request took too long.");
      break;
    case Phase::admitting:
      // The limiter answered in this instant: its decision counts, and the connection waits for it.
      if (!exchange_->claim_decision())
        return loop_.enter(*this, Phase::admitting);  // in the inbox
      return on_decision(fail(ErrorKind::unavailable, "the rate limiter did not answer in time"));
    case Phase::body:
      refuse(408, "The body of the request stopped coming.");
      break;
    case Phase::handling:
      loop_.core().metrics.rejected("answer_timeout");
      give_up("The answer took too long; try again later.", "within the answer_timeout");
      break;
    case Phase::held:
      flush();
      return advance();
    case Phase::streaming:
      keep_alive();
      break;
    case Phase::fresh:
    case Phase::idle:
      part();
      break;
    default:
      close();
  }
  if (ending()) discard();
}

// Of a request whose handler has not answered, and may still do so, but is not heard then.
void Connection::give_up(std::string_view detail, std::string_view when) {
  const auto exchange = exchange_;
  // Where a worker has begun, it goes on and its answer goes nowhere; else it is never begun.
  const bool never_run = exchange->abandon();
  exchange->leave();
  close_after_ = linger_ = true;
  auto late = Response::problem(503, detail);
  late.log_cause = never_run ? "no free blocking worker " : "no answer ";
  late.log_cause += when;
  answer(std::move(late), never_run);
}

void Connection::drain() {
  if (events_ != nullptr) return next_events();
  loop_.enter(*this, phase_);  // its time is shorter from now on
}

void Connection::end() {
  constexpr std::string_view kStops = "The server stops; try again.";
  // The 429 is made already and only kept back.
  if (phase_ == Phase::held) {
    flush();
  } else if (phase_ == Phase::streaming) {
    next_events();
  } else if (phase_ == Phase::handling) {
    give_up(kStops, "within the time to drain");
  } else if (phase_ == Phase::head || phase_ == Phase::body || phase_ == Phase::admitting) {
    refuse(503, kStops, "stopping");
  }
  if (ending()) discard();
  close();
}

void Connection::close() {
  if (phase_ == Phase::closed) return;
  if (events_ != nullptr) {
    end_stream(false);
  } else if (exchange_ != nullptr) {
    const bool never_run = exchange_->abandon();
    exchange_->leave();
    Response left;
    left.status = kClientLeft;
    account(left, never_run);
    exchange_.reset();
  }
  stream_.close();
  loop_.remove(*this);
}

}  // namespace mesh::http
