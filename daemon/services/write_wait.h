// Answers that wait until what was written can be seen.
//
// Every successful write answers where its events are, in the header Mesh-Position: to a tenant
// sealed for it, since the numbers tell how much all tenants write; to an operator as it is. With
// `?ack=` or `Prefer: wait=` it is answered once they are in the log, searchable or counted, and
// after that time with 202 and what is still pending. A search with `min_position` waits until it
// sees the write that answered this position.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/seal.h"
#include "common/domain/write_position.h"
#include "common/http/message.h"
#include "common/http/route.h"
#include "daemon/pipeline/progress.h"
#include "daemon/services/long_polls.h"

namespace mesh::services {

inline constexpr const char* kPositionHeader = "Mesh-Position";
// Of the answer to a responder of WriteWaits::hold, which seals the position; in stores it is kept
// as it is, so that it outlives keys.
http::Response with_position(http::Response answer, const WritePosition& position);

// What the events of a request can become, in the words of ?ack=.
struct Acks {
  std::string_view most = "log";  // "searchable", "counted"
  bool all = true;                // or only some of them, so that it cannot be asked for
};
Acks acks_of_topic(std::string_view topic);
// What events of any topic can become beyond being in the log.
inline const std::vector<std::string> kAllAcks{"searchable", "counted"};

// The seconds of `Prefer: wait=N` (RFC 7240); nothing where there is none, or a malformed one.
std::optional<std::int64_t> preferred_wait(const http::Request& request);

// Any thread.
class WriteWaits {
 public:
  // Nobody waits longer than `most`. All outlive this. Positions are sealed with a key that all
  // processes of the mesh have.
  WriteWaits(pipeline::Progress& progress, LongPolls& polls, Clock& clock, Duration most,
             std::string_view key);

  // Positions that were sealed with the key before still open.
  void change_key(std::string_view key);

  // The responder to answer a write with, in place of `respond`: it seals the position of a good
  // answer, and holds the answer back for as long as the request asks. To be asked for before
  // anything is written: `invalid` where ?ack= names what these events never become.
  Result<http::Responder> hold(const http::Request& request, const Acks& acks,
                               http::Responder respond);

  // Runs `search`, which answers, once the serving generation of the index is past the request's
  // min_position: at once where there is none or it is past, else on a worker. `invalid` for one
  // that no change of this tenant's users was answered with, `unavailable` where it is not reached
  // in time. May wait for the engines, once.
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
  void answer(const std::optional<Wish>& wish, const std::optional<TenantId>& tenant,
              http::Response answer, const http::Responder& respond);
  void hold_back(const Wish& wish, const std::optional<TenantId>& tenant, WritePosition position,
                 http::Response answer, const http::Responder& respond);
  std::string sealed(const std::string& position, const TenantId& tenant) const;
  Result<WritePosition> opened(std::string_view text, const TenantId& tenant) const;

  pipeline::Progress& progress_;
  LongPolls& polls_;
  Clock& clock_;
  const Duration most_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Seal> seal_, seal_before_;  // guarded by mutex_; the second may be null
};

// A handler of a write that is done when `work` returns its answer.
template <typename Deps, typename Work>
http::Handler answering_write(std::shared_ptr<const Deps> deps, Acks (*acks)(const http::Request&),
                              Work work) {
  return [deps = std::move(deps), acks, work = std::move(work)](auto request, auto respond) {
    auto held = deps->waits.hold(*request, acks(*request), respond);
    if (!held) return respond(held.error());
    Result<http::Response> answer = work(*deps, *request);
    answer ? (*held)(std::move(*answer)) : respond(answer.error());
  };
}

namespace api {

// The row of a write that WriteWaits holds, with what that adds to it. `mosts` are what its events
// become beyond being in the log, `pending` is the schema of its 202, where that is not what it
// answers anyhow.
http::Route held(http::Route route, const std::vector<std::string>& mosts,
                 std::string_view pending = {});
http::Parameter prefer_wait();
http::Parameter min_position();

}  // namespace api

}  // namespace mesh::services
