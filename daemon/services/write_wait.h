// Answers that wait until what was written can be seen.
//
// Every successful write answers where its events are, in the header Mesh-Position. With `?ack=` or
// `Prefer: wait=` it is answered once they are in the log, searchable or counted, and after that
// time with 202 and what is still pending. A search with `min_position` waits until it sees the
// write that answered this position.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/domain/write_position.h"
#include "common/http/message.h"
#include "common/http/route.h"
#include "daemon/pipeline/progress.h"
#include "daemon/services/long_polls.h"

namespace mesh::services {

inline constexpr const char* kPositionHeader = "Mesh-Position";
http::Response with_position(http::Response answer, const WritePosition& position);

// What the events of a request can become, in the words of ?ack=.
struct Acks {
  std::string_view most = "log";  // "searchable", "counted"
  bool all = true;                // or only some of them, so that it cannot be asked for
};

// The seconds of `Prefer: wait=N` (RFC 7240); nothing where there is none, or a malformed one.
std::optional<std::int64_t> preferred_wait(const http::Request& request);

// Any thread.
class WriteWaits {
 public:
  // Nobody waits longer than `most`. All outlive this.
  WriteWaits(pipeline::Progress& progress, LongPolls& polls, Clock& clock, Duration most);

  // The responder to answer a write with, in place of `respond`: it holds a good answer, which has
  // a position, back for as long as the request asks. To be asked for before anything is written:
  // `invalid` where ?ack= names what these events never become.
  Result<http::Responder> hold(const http::Request& request, const Acks& acks,
                               http::Responder respond);

  // Runs `search`, which answers, once the serving generation of the index is past the request's
  // min_position: at once where there is none or it is past, else on a worker. `invalid` for a
  // position that is none of a user, `unavailable` where it is not reached in time. May wait for
  // the engines, once.
  void when_seen(const http::Request& request, const http::Responder& respond,
                 std::function<void()> search);

 private:
  // How long a request waits for what.
  struct Wish {
    std::string ack;
    pipeline::Reached wanted;
    SteadyTime until;
    std::optional<std::int64_t> applied;  // seconds, where Prefer asked for some
  };
  Result<std::optional<Wish>> wish_of(const http::Request& request, const Acks& acks) const;
  Duration wait_of(const http::Request& request) const;
  void answer(const Wish& wish, const TenantId& tenant, http::Response answer,
              const http::Responder& respond);

  pipeline::Progress& progress_;
  LongPolls& polls_;
  Clock& clock_;
  const Duration most_;
};

namespace api {

// The row of a write that WriteWaits holds, with what that adds to it. `pending` is the schema of
// its 202, where that is not what it answers anyhow.
http::Route held(http::Route route, std::string_view most, std::string_view pending = {});
http::Parameter prefer_wait();
http::Parameter min_position();

}  // namespace api

}  // namespace mesh::services
