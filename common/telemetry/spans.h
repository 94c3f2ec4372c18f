// Spans of traces, and their way to a collector as OTLP over HTTP in its JSON form
// (https://opentelemetry.io/docs/specs/otlp/). opentelemetry-cpp does this, too, and is not in
// Debian 12.
//
// What is sent was decided at the head of its trace: by the share of traces that begin here, or by
// the flag of a traceparent that came. Beside that each span that ended in an error or was slow is
// sent, whatever its head said. W3C's flag in `context.sampled` carries the decision on.
//
// Who has no Spans (a null pointer) makes no span: where no endpoint is set, none of this costs.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/telemetry/metrics.h"
#include "common/telemetry/trace_context.h"

namespace mesh {

struct Span {
  enum class Kind { internal = 1, server, client, producer, consumer };  // the numbers of OTLP
  using Value = std::variant<std::string, std::int64_t>;
  using Attributes = std::vector<std::pair<std::string_view, Value>>;  // keys are literals

  TraceContext context;
  std::string parent = {};  // the id of the span that it is a part of; empty: none
  std::string name;         // of a small set: no ids
  Kind kind = Kind::internal;
  SteadyTime start{}, end{};
  std::optional<std::string> error = {};  // it failed, and why; may be empty
  Attributes attributes = {};             // by OpenTelemetry's conventions, else "mesh.…"
  std::vector<TraceContext> links = {};   // of other traces; the first kMostLinks are sent
  static constexpr std::size_t kMostLinks = 128;
};

// Any thread. Nothing but stop() blocks: what finds the queue full is dropped and counted
// (mesh_spans_total).
class Spans {
 public:
  static constexpr std::size_t kMostQueued = 8'192;
  static constexpr std::size_t kBatch = 512;  // spans of one request
  static constexpr Duration kRest{1'000};     // how long a span waits for others of its batch
  static constexpr Duration kTimeout{5'000};  // of one request
  static constexpr Duration kGiveUp{
      60'000};                              // a batch that the collector puts off for so long goes
  static constexpr Duration kFlush{5'000};  // for what is left at a stop

  struct Answer {
    int status = 0;
    std::string body;
    std::optional<Duration> retry_after;
  };
  // POSTs one ExportTraceServiceRequest; blocks for the time-out at most. Called by one thread.
  using Send = std::function<Result<Answer>(const std::string& json, Duration timeout)>;

  struct Options {
    double sample = 1;  // share of the traces that begin here, 0 … 1
    Duration slow{1'000};
    std::vector<std::pair<std::string, std::string>> resource = {};  // attributes: who sends
    std::size_t most_queued = kMostQueued;
  };
  // Starts the thread that sends.
  Spans(Options options, Send send, Clock& clock, Metrics& metrics);
  ~Spans();  // stop()

  SteadyTime now() const { return clock_.steady(); }
  // Whether a trace with this id, which begins here, is sent. The id alone decides, so that all
  // processes with the same share decide alike.
  bool samples(std::string_view trace_id) const;
  TraceContext begin_trace() const;
  // Whether such a span would be sent, for those who save the work for others.
  bool keeps(const TraceContext& context, bool failed, SteadyTime::duration took) const;
  // It is over.
  void end(Span span);
  // Sends what is left, for kFlush at most beside a request that is under way; the rest counts as
  // failed. Spans that end later are dropped. Callable twice.
  void stop();

 private:
  void run();
  std::vector<Span> next_batch();
  void deliver(const std::vector<Span>& batch);
  bool retry(SteadyTime until, std::optional<Duration> retry_after, int attempt);
  void taken(const std::vector<Span>& batch, const std::string& answer);
  void give_up(const std::vector<Span>& batch);

  const Options options_;
  const Send send_;
  Clock& clock_;
  Counter &sent_, &dropped_, &failed_, &rejected_;
  std::chrono::nanoseconds wall_;  // of the system's clock before the steady one; the thread's
  bool in_trouble_ = false;        // the thread's: told, and not yet over

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Span> queue_;  // this and the next two guarded by mutex_
  bool stopping_ = false;
  SteadyTime stop_at_ = SteadyTime::max();

  std::mutex lifecycle_;  // held over stop
  std::thread thread_;    // last: it uses all of the above
};

// The request's body. `wall` is what the system's clock is before the steady one. Pure.
std::string otlp_request(const std::vector<Span>& spans,
                         const std::vector<std::pair<std::string, std::string>>& resource,
                         std::chrono::nanoseconds wall);

}  // namespace mesh
