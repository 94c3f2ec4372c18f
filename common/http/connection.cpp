#include "common/http/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "common/http/access_log.h"
#include "common/http/run_handler.h"
#include "common/http/wire.h"
#include "common/telemetry/log.h"

namespace mesh::http {
namespace {

constexpr int kReads = 16;                        // of one turn
constexpr int kRequests = 4;                      // of one turn: pipelining gives no larger share
constexpr std::size_t kLargeBody = 64 << 10;      // takes long to parse: to the blocking workers
constexpr std::size_t kHeadRead = 16 << 10;       // bounds what is held of pipelined requests
constexpr std::size_t kLeastProgress = 16 << 10;  // what gives a slow client time anew
constexpr std::size_t kMostDropped = 64 << 10;    // of a refused body, to keep the connection
constexpr std::size_t kLargeAnswer = 64 << 10;    // may have to wait for its reader

std::string_view reason_of(int status) {
  switch (status) {
    case 408:
      return "timeout";
    case 413:
      return "body_too_large";
    case 431:
      return "head_too_large";
    case 503:
      return "buffers_full";
    default:
      return "malformed";
  }
}

}  // namespace

Connection::Connection(Loop& loop, Accepted accepted, bool beyond)
    : loop_(loop),
      stream_(std::move(accepted.fd), loop.core().tls(), accepted.listener->for_operators),
      remote_(std::move(accepted.remote)),
      listener_(*accepted.listener),
      beyond_(beyond),
      reader_(loop.core().options.max_header_bytes, loop.core().options.max_headers),
      memory_(loop.core().buffers) {
  const int on = 1;
  ::setsockopt(stream_.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void Connection::on_events(std::uint32_t events) {
  if (phase_ == Phase::closed) return;
  if (events & EPOLLRDHUP) {
    half_closed_ = true;
    if (exchange_ != nullptr) exchange_->leave();
  }
  if (events & (EPOLLIN | EPOLLRDHUP)) readable_ = true;
  if (events & EPOLLOUT && stream_.read_needs_room()) readable_ = true;
  // Before anything is read: the peer has reset, and hears no answer.
  if (events & EPOLLERR) return close();
  if (events & EPOLLHUP && !reading()) return close();  // nobody is left to read an answer
  // Who reads a stream and says that it sends no more has left, as far as anybody can tell: its
  // end would else be seen with the next event alone, which may be far.
  if (half_closed_ && events_ != nullptr) return close();
  if (phase_ == Phase::writing) flush();
  advance();
}

void Connection::advance() {
  // The socket is edge-triggered: what is not read here is not told of again, so that a turn which
  // ends early asks for another one.
  for (int reads = kReads, requests = kRequests; reading();) {
    if (reads == 0 || requests == 0) return loop_.later(*this);
    bool whole = false;
    if (!unread().empty()) {
      whole = feed_unread();
    } else if (readable_) {
      --reads;
      whole = receive();
    } else {
      return wait_for_more();
    }
    if (whole) {
      --requests;
      handle();
    }
  }
  if (more_events_ && phase_ == Phase::streaming) next_events();
  if (ending()) discard();
}

std::string_view Connection::unread() {
  if (pending_used_ == pending_.size() && pending_used_ > 0) {
    std::string().swap(pending_);  // an assignment would keep the memory
    pending_used_ = 0;
  }
  return std::string_view(pending_).substr(pending_used_);
}

bool Connection::feed_unread() {
  auto bytes = unread();
  const bool whole = feed(bytes);
  if (whole || !refused()) pending_used_ = pending_.size() - bytes.size();
  return whole;
}

// Most often one call brings one whole request (true), which is then read from the loop's buffer;
// only what lies behind it is copied.
bool Connection::receive() {
  auto& scratch = loop_.scratch();
  const auto size = phase_ == Phase::body ? scratch.size() : kHeadRead;
  const auto got = stream_.read(scratch.data(), size);
  if (got.outcome != Stream::Outcome::moved) {
    cannot_read(got.outcome);
    return false;
  }
  // What has emptied the socket is followed by an edge; but the end of a half-closed one was told
  // of already.
  if (got.emptied) readable_ = half_closed_;
  std::string_view bytes(scratch.data(), got.bytes);
  const bool whole = feed(bytes);
  // What follows a refused request is of a message that nobody can find the end of.
  if (!whole && refused()) bytes = {};
  pending_ = bytes;
  pending_used_ = 0;
  return whole;
}

void Connection::cannot_read(Stream::Outcome outcome) {
  switch (outcome) {
    case Stream::Outcome::blocked:
      readable_ = false;
      return;
    case Stream::Outcome::plain:
      log::debug("HTTP came where TLS is spoken",
                 {{"address", listener_.address}, {"remote", remote_}});
      return refuse(400, "This port speaks TLS; ask it by https://.", "plain_http");
    case Stream::Outcome::refused:
      log::debug(
          "a TLS handshake failed",
          {{"address", listener_.address}, {"remote", remote_}, {"cause", stream_.failure()}});
      loop_.core().metrics.rejected("tls_handshake");
      // Not at once: with bytes unread the connection would be reset, and the alert lost.
      return part();
    default:  // ended, also in the middle of a request, or failed
      return close();
  }
}

// Takes from `bytes` what belongs to the request under way; true when that is whole. A refusal
// leaves the reading phases.
bool Connection::feed(std::string_view& bytes) {
  using State = RequestReader::State;
  while (true) {
    bytes.remove_prefix(reader_.feed(bytes));
    switch (reader_.state()) {
      case State::head_done:
        if (!open_request(!bytes.empty())) return false;
        continue;
      case State::refused:
        refuse(reader_.refusal_status(), reader_.refusal_detail());
        return false;
      case State::head:
        return false;
      case State::body:
      case State::complete:
        if (!memory_.grow(reader_.body().size(), remote_, exchange_->tenant())) {
          loop_.core().metrics.rejected(reason_of(503));
          end_with(buffers_full());
          return false;
        }
        if (reader_.state() == State::complete) return true;
        wait_in(Phase::body, reader_.received());
        return false;
    }
  }
}

// Judges a request by its head, so that no body is gathered for one that will be refused. True
// while the request goes on being read: a refusal waits for the end of a short body, which keeps
// the connection in step; behind a long one, and where the client waits to be asked for the body,
// it is answered at once and the connection ends.
bool Connection::open_request(bool more_came) {
  using State = RequestReader::State;
  Core& core = loop_.core();
  exchange_ = std::make_shared<Exchange>();
  Exchange& exchange = *exchange_;
  exchange.listener = &listener_;
  exchange.connection = shared_from_this();
  exchange.inbox = loop_.inbox();
  // For a refusal at the head; handle sets it anew when the request is whole.
  exchange.started = loop_.now();
  exchange.keep_alive = reader_.keep_alive() && !beyond_;
  exchange.request.remote = remote_;
  if (!stream_.still_taken(core.tls())) {
    exchange_.reset();
    refuse(401,
           "The client certificate of this connection, or that it has none, is not accepted any "
           "more; connect anew.",
           "client_certificate");
    return false;
  }
  exchange.request.certificate = stream_.certificate();
  exchange.request.method = reader_.method();
  exchange.request.headers = reader_.take_fields();

  refusal_ = open_exchange(reader_.target(), exchange);
  if (beyond_ && (exchange.route == nullptr || !exchange.route->probe)) {
    exchange_.reset();
    refuse(503, "The server has too many connections; try again later.", "connections");
    return false;
  }
  if (!refusal_ && !reader_.chunked()) {
    refusal_ = check_body(exchange, reader_.content_length() > 0);
  }
  // A refusal that stands already is not to become a 413; drop_body bounds what follows it.
  reader_.begin_body(refusal_ ? SIZE_MAX : body_limit(*exchange.route, core.options));
  if (reader_.state() == State::refused) return true;
  if (!refusal_ && !ask_hooks(exchange_, core.hooks, refusal_)) {
    loop_.enter(*this, Phase::admitting);  // and reads no more until then
    return false;
  }
  return begin_body(more_came);
}

// The second half, when all is known that the head can tell.
bool Connection::begin_body(bool more_came) {
  using State = RequestReader::State;
  Core& core = loop_.core();
  const Exchange& exchange = *exchange_;
  if (!refusal_ && !memory_.fits(reader_.content_length(), remote_, exchange.tenant())) {
    core.metrics.rejected(reason_of(503));
    refusal_ = buffers_full();
  }

  const bool awaits = reader_.expects_continue() && !more_came && reader_.state() == State::body;
  if (refusal_ && awaits) {
    end_with(*std::exchange(refusal_, std::nullopt));
    return false;
  }
  if (refusal_) {
    reader_.drop_body(kMostDropped);
  } else if (exchange.route->body == Body::none) {
    reader_.drop_body(core.options.max_body_bytes);
  }
  if (awaits) {
    // Nothing else is under way on this connection, so these few bytes find room.
    if (!stream_.mention("HTTP/1.1 100 Continue\r\n\r\n")) {
      close();
      return false;
    }
  }
  return true;
}

void Connection::on_decision(Result<RateDecision> decision) {
  refusal_ = take_decision(*exchange_, loop_.core().hooks, std::move(decision));
  // Also without a body: only a phase that reads lets advance go on.
  wait_in(Phase::body, 0);
  if (begin_body(!unread().empty()) && feed_unread()) handle();
  advance();
}

void Connection::wait_for_more() {
  if (!untouched()) return;
  if (!reader_.untouched()) loop_.enter(*this, Phase::head);
}

// A few bytes now and then are no progress, or a client could hold its place for days.
void Connection::wait_in(Phase phase, std::size_t done) {
  if (phase_ == phase && done < progress_ + kLeastProgress) return;
  progress_ = done;
  loop_.enter(*this, phase);
}

void Connection::handle() {
  if (refusal_) return answer(*std::exchange(refusal_, std::nullopt));
  Core& core = loop_.core();
  // A copy: answer resets the member, and a worker may outlive this connection.
  auto exchange = exchange_;
  exchange->started = loop_.now();
  if (half_closed_) exchange->leave();
  exchange->memory = std::exchange(memory_, Reservation(core.buffers));
  Request& request = exchange->request;
  request.body = reader_.take_body();
  if (reader_.chunked()) {
    // Of chunks it is only known now whether there is a body.
    if (auto refusal = check_body(*exchange, reader_.received() > 0)) {
      return answer(std::move(*refusal));
    }
  }
  // What a key stored is looked up before the work begins, after a crash also in the log.
  const bool keyed = request.method == "POST" && request.header("Idempotency-Key").has_value();
  const bool encoded = exchange->coding != ContentCoding::identity;
  Pool pool = exchange->route->pool;
  if (pool == Pool::none &&
      (request.body.size() > kLargeBody || keyed || encoded || exchange->unchecked)) {
    pool = Pool::quick;
  }
  if (pool != Pool::none) {
    // The loop enters the phase after the push: the answer comes through its inbox, so never
    // before.
    if (core.pool(pool).push(std::move(exchange))) return loop_.enter(*this, Phase::handling);
    core.metrics.rejected("queue_full");
    return answer(Response::problem(503, "Too many requests wait already; try again later."));
  }
  // Most quick handlers answer before they return, and then nothing goes through the inbox.
  const InlineAnswer slot(*exchange);
  run_handler(exchange, core.hooks);
  if (slot.given()) return answer(std::move(exchange->answer));
  loop_.enter(*this, Phase::handling);
}

void Connection::on_answer(const std::shared_ptr<Exchange>& exchange) {
  if (exchange_ != exchange) {  // it came too late
    if (exchange->answer.events != nullptr) exchange->answer.events->end();
    return;
  }
  if (events_ != nullptr) return more_events();
  if (phase_ == Phase::admitting) return on_decision(std::move(*exchange->decision));
  answer(std::move(exchange->answer));
  advance();
}

void Connection::refuse(int status, std::string_view detail) {
  refuse(status, detail, reason_of(status));
}

// For what cannot be read as a request, or not to its end. One that was refused before gets that
// answer.
void Connection::refuse(int status, std::string_view detail, std::string_view reason) {
  if (exchange_ == nullptr) {
    exchange_ = std::make_shared<Exchange>();
    exchange_->listener = &listener_;
    exchange_->started = loop_.now();
    if (status != 501) exchange_->request.method = reader_.method();  // only methods that exist
    exchange_->request.remote = remote_;
    const auto target = reader_.target();
    if (!target.empty()) exchange_->instance = instance_of(target);
    identify(exchange_->request, listener_.spans);
  }
  if (refusal_) return end_with(*std::exchange(refusal_, std::nullopt));
  loop_.core().metrics.rejected(reason);
  end_with(Response::problem(status, detail));
}

// The connection ends with this answer, though the client may still be sending.
void Connection::end_with(Response response) {
  memory_ = Reservation(loop_.core().buffers);  // what was held is free again
  close_after_ = linger_ = true;
  answer(std::move(response));
}

void Connection::answer(Response response, bool at_rest) {
  Core& core = loop_.core();
  const Exchange& exchange = *exchange_;
  const bool streams = response.events != nullptr && takes_stream(response);
  // Never back to false: once an answer was promised to be the last it is. Behind a stream nobody
  // should have to wait.
  close_after_ = close_after_ || !exchange.keep_alive || core.closing || streams;
  complete(exchange, response, at_rest);
  WireOptions options{!close_after_, exchange.request.method == "HEAD", core.clock.now()};
  chunked_ = !reader_.is_http_1_0();
  if (streams) options.framing = chunked_ ? Framing::chunked : Framing::connection;
  append_response(out_, response, options);

  // Small answers are in nobody's name: the socket takes them at once, nearly always.
  answer_tenant_.clear();
  if (out_.size() > kLargeAnswer) answer_tenant_ = exchange.tenant();

  if (exchange.route == nullptr) {
    core.metrics.unrouted(listener_.label, exchange.request.method, response.status);
  }
  account(response, at_rest);
  reader_.reset();
  if (events_ != nullptr) return begin_stream();
  exchange_.reset();
  // A client that hammers on without heeding Retry-After would take the processor from all others.
  if (response.status == 429 && core.options.refusal_pause > Duration{0} && !core.draining) {
    return loop_.enter(*this, Phase::held);
  }
  flush();
}

// Of each request once: metrics, access log, span, and whose it was.
void Connection::account(const Response& response, bool at_rest) {
  const Exchange& exchange = *exchange_;
  const Ending ending{loop_.core().clock.steady(), reader_.received(), at_rest};
  const bool sent =
      listener_.spans != nullptr && end_span(*listener_.spans, exchange, response, ending);
  if (exchange.route != nullptr) {
    const std::chrono::duration<double> seconds = ending.ended - exchange.started;
    const auto index = exchange.route - listener_.routes.data();
    listener_.metrics[static_cast<std::size_t>(index)]->record(
        response.status, seconds.count(),
        sent ? std::string_view(exchange.request.trace.trace_id) : "");
  }
  log_access(exchange, response, ending);
  tell_answered(response.status, at_rest);
}

// The principal was found on this thread; `waited` may still be written where the exchange is not
// at rest.
void Connection::tell_answered(int status, bool at_rest) {
  const auto& hook = loop_.core().hooks.answered;
  const auto& principal = exchange_->request.principal;
  if (!hook || !principal || !principal->tenant || !exchange_->is_its_tenants(at_rest)) return;
  hook({*principal->tenant, status, at_rest ? exchange_->waited : std::chrono::nanoseconds{0}});
}

void Connection::flush() {
  while (sent_ < out_.size()) {
    const auto put = stream_.write(std::string_view(out_).substr(sent_));
    if (put.outcome == Stream::Outcome::failed) return close();
    if (put.outcome == Stream::Outcome::blocked) {
      // What a client does not read is held as long as it waits, like a body.
      // Of a stream its queue counts it.
      if (events_ == nullptr && !memory_.grow(out_.size(), remote_, answer_tenant_)) return close();
      return wait_in(Phase::writing, sent_);
    }
    sent_ += put.bytes;
  }
  end_answer();
}

}  // namespace mesh::http
