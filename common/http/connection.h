// One client connection: gathers a request, has it handled, writes the answer, and again.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "common/http/chain.h"
#include "common/http/event_queue.h"
#include "common/http/exchange.h"
#include "common/http/loop.h"
#include "common/http/reader.h"
#include "common/http/stream.h"

namespace mesh::http {

// All but construction and destruction happens on the loop's thread. The socket is watched
// edge-triggered, so a request costs one recv and one send and no call to epoll_ctl. A TLS
// handshake is part of waiting for the first request: it has that time, and holds nobody up.
class Connection final : public Watched, public std::enable_shared_from_this<Connection> {
 public:
  // `beyond` the bound of its group: it gets one answer, that of a probe or why it gets no other.
  Connection(Loop& loop, Accepted accepted, bool beyond);

  void on_events(std::uint32_t events) override;
  // Reads and handles until it has to wait for something, or has had its share of this round.
  void advance();
  // The answer of a handler or of the limiter has come, perhaps one that nobody waits for any more.
  void on_answer(const std::shared_ptr<Exchange>& exchange);
  void on_deadline();
  // The server drains: what waits for a request ends soon, unless one comes before.
  void drain();
  // The server ends: who still waits hears so.
  void end();
  // Handles what has come; true where that was nothing.
  bool still_idle();
  // Says that no answer will come any more, and waits a moment for the client's end: a request that
  // is on its way would else reset the connection.
  void part();
  void close();

  int fd() const { return stream_.fd(); }
  Phase phase() const { return phase_; }

 private:
  friend class Loop;

  bool reading() const { return untouched() || phase_ == Phase::head || phase_ == Phase::body; }
  bool untouched() const { return phase_ == Phase::fresh || phase_ == Phase::idle; }
  // No more of the request is read.
  bool refused() const { return !reading() && phase_ != Phase::admitting; }
  bool ending() const { return phase_ == Phase::lingering || phase_ == Phase::parting; }
  std::string_view unread();
  bool receive();
  void cannot_read(Stream::Outcome outcome);
  bool feed(std::string_view& bytes);
  bool feed_unread();
  bool open_request(bool more_came);
  bool begin_body(bool more_came);
  void on_decision(Result<RateDecision> decision);
  void wait_for_more();
  void wait_in(Phase phase, std::size_t done);
  void handle();
  void refuse(int status, std::string_view detail);
  void refuse(int status, std::string_view detail, std::string_view reason);
  void end_with(Response response);
  void answer(Response response, bool at_rest = true);
  void give_up(std::string_view detail, std::string_view when);
  void account(const Response& response, bool at_rest);
  void tell_answered(int status, bool at_rest);
  void flush();
  void end_answer();
  bool takes_stream(Response& response);
  void begin_stream();
  void next_events();
  void more_events();
  void keep_alive();
  void append_events(std::string_view bytes);
  void end_stream(bool told);
  void discard();

  Loop& loop_;
  Stream stream_;
  const std::string remote_;
  const Listener& listener_;

  bool beyond_;  // this and the next four are kept by the loop
  Phase phase_ = Phase::fresh;
  SteadyTime deadline_{};
  std::list<std::shared_ptr<Connection>>::iterator place_;
  bool later_ = false;

  RequestReader reader_;
  Reservation memory_;
  bool readable_ = false;     // the socket may hold more
  bool half_closed_ = false;  // the client will send no more than the socket holds
  std::string pending_;       // received, and behind the request under way
  std::size_t pending_used_ = 0;

  std::shared_ptr<Exchange> exchange_;  // set from the end of a head to the answer
  Refusal refusal_;                     // of its request, whose body is still being dropped
  std::string out_;
  std::size_t sent_ = 0;
  std::size_t progress_ = 0;   // of the body or the answer under way when its time last began anew
  std::uint64_t dropped_ = 0;  // bytes read after the last answer
  std::string answer_tenant_;  // whose memory a large answer is
  bool close_after_ = false;   // the answer under way is the last
  bool linger_ = false;        // the client may still be sending when it is closed

  std::shared_ptr<EventQueue> events_;  // of the stream that is the answer under way
  bool chunked_ = false;                // of its body; else it ends with the connection
  bool more_events_ = false;            // it told of some that are not taken
  std::uint64_t stream_bytes_ = 0;
  SteadyTime stream_end_{};  // when it is too old
};

}  // namespace mesh::http
