#include "common/telemetry/spans.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "common/base/backoff.h"
#include "common/base/json.h"
#include "common/base/thread.h"
#include "common/telemetry/log.h"

namespace mesh {
namespace {

constexpr BackoffPolicy kBackoff{Duration{1'000}, Duration{30'000}, 0};
constexpr std::size_t kLongestText = 512;
// A correction of the system's clock by less does not disturb the order of spans.
constexpr std::chrono::milliseconds kClockStep{100};

std::chrono::nanoseconds wall_before_steady(const Clock& clock) {
  return clock.now().time_since_epoch() - clock.steady().time_since_epoch();
}

// The lowest 56 bits, which are random also in ids of others (W3C Trace Context, 2).
std::uint64_t randomness(std::string_view trace_id) {
  std::uint64_t bits = 0;
  for (const char c : trace_id.substr(trace_id.size() - std::min<std::size_t>(14, trace_id.size())))
    bits = bits << 4 | static_cast<std::uint64_t>(c <= '9' ? c - '0' : c - 'a' + 10);
  return bits;
}

Json value_of(const std::string& text) {
  return {{"stringValue", text.size() <= kLongestText ? text : text.substr(0, kLongestText)}};
}

// 64-bit numbers are strings in protobuf's JSON.
Json value_of(std::int64_t number) { return {{"intValue", std::to_string(number)}}; }

Json attribute(std::string_view key, Json value) {
  return {{"key", std::string(key)}, {"value", std::move(value)}};
}

Json json_of(const Span& span, std::chrono::nanoseconds wall) {
  const auto nanos = [&](SteadyTime time) {
    return std::to_string((time.time_since_epoch() + wall).count());
  };
  Json out{{"traceId", span.context.trace_id}, {"spanId", span.context.span_id}};
  if (!span.context.state.empty()) out["traceState"] = span.context.state;
  if (!span.parent.empty()) out["parentSpanId"] = span.parent;
  out["name"] = span.name;
  out["kind"] = static_cast<int>(span.kind);
  out["startTimeUnixNano"] = nanos(span.start);
  out["endTimeUnixNano"] = nanos(std::max(span.start, span.end));
  for (const auto& [key, value] : span.attributes) {
    out["attributes"].push_back(
        attribute(key, std::visit([](const auto& v) { return value_of(v); }, value)));
  }
  const std::size_t links = std::min(span.links.size(), Span::kMostLinks);
  for (std::size_t i = 0; i < links; ++i) {
    out["links"].push_back(
        {{"traceId", span.links[i].trace_id}, {"spanId", span.links[i].span_id}});
  }
  if (span.links.size() > links) out["droppedLinksCount"] = span.links.size() - links;
  if (span.error) {
    out["status"] = {{"code", 2}};
    if (!span.error->empty()) out["status"]["message"] = span.error->substr(0, kLongestText);
  }
  return out;
}

bool may_retry(int status) {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

Counter& counter(Metrics& metrics, const char* outcome) {
  return metrics.counter("mesh_spans_total",
                         "Spans of traces by what became of them: sent; dropped, since the queue "
                         "was full; failed to be sent; rejected by the collector.",
                         {{"outcome", outcome}});
}

}  // namespace

std::string otlp_request(const std::vector<Span>& spans,
                         const std::vector<std::pair<std::string, std::string>>& resource,
                         std::chrono::nanoseconds wall) {
  Json who = Json::array(), list = Json::array();
  for (const auto& [key, value] : resource) who.push_back(attribute(key, value_of(value)));
  for (const Span& span : spans) list.push_back(json_of(span, wall));
  Json scope{{"scope", {{"name", "meshd"}}}, {"spans", std::move(list)}};
  Json of{{"resource", {{"attributes", std::move(who)}}},
          {"scopeSpans", Json::array({std::move(scope)})}};
  return dump(Json{{"resourceSpans", Json::array({std::move(of)})}});
}

Spans::Spans(Options options, Send send, Clock& clock, Metrics& metrics)
    : options_(std::move(options)),
      send_(std::move(send)),
      clock_(clock),
      sent_(counter(metrics, "sent")),
      dropped_(counter(metrics, "dropped")),
      failed_(counter(metrics, "failed")),
      rejected_(counter(metrics, "rejected")),
      wall_(wall_before_steady(clock)),
      thread_([this] {
        name_thread("spans");
        stand_back(Standing::background);
        run();
      }) {}

Spans::~Spans() { stop(); }

bool Spans::samples(std::string_view trace_id) const {
  return randomness(trace_id) < static_cast<std::uint64_t>(options_.sample * 0x1p56);
}

TraceContext Spans::begin_trace() const {
  auto context = TraceContext::make(false);
  context.sampled = samples(context.trace_id);
  return context;
}

bool Spans::keeps(const TraceContext& context, bool failed, SteadyTime::duration took) const {
  return context.sampled || failed || took > options_.slow;
}

void Spans::end(Span span) {
  if (!keeps(span.context, span.error.has_value(), span.end - span.start)) return;
  std::lock_guard lock(mutex_);
  if (stopping_ || queue_.size() >= options_.most_queued) return dropped_.add();
  queue_.push_back(std::move(span));
  // The first, which the thread begins to wait for others with, and the last that it waits for.
  if (queue_.size() == 1 || queue_.size() == kBatch) changed_.notify_one();
}

void Spans::stop() {
  std::lock_guard guard(lifecycle_);
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    stop_at_ = clock_.steady() + kFlush;
  }
  changed_.notify_all();
  thread_.join();
}

void Spans::run() {
  for (;;) {
    const auto batch = next_batch();
    if (batch.empty()) return;
    deliver(batch);
  }
}

// Empty: it is over.
std::vector<Span> Spans::next_batch() {
  std::unique_lock lock(mutex_);
  const auto some = [this] { return stopping_ || !queue_.empty(); };
  const auto many = [this] { return stopping_ || queue_.size() >= kBatch; };
  clock_.wait_until(lock, changed_, SteadyTime::max(), some);
  clock_.wait_until(lock, changed_, clock_.steady() + kRest, many);
  const auto count = static_cast<std::ptrdiff_t>(std::min(queue_.size(), kBatch));
  std::vector<Span> batch(std::make_move_iterator(queue_.begin()),
                          std::make_move_iterator(queue_.begin() + count));
  queue_.erase(queue_.begin(), queue_.begin() + count);
  return batch;
}

void Spans::deliver(const std::vector<Span>& batch) {
  const auto wall = wall_before_steady(clock_);
  if (std::chrono::abs(wall - wall_) > kClockStep) wall_ = wall;
  const std::string request = otlp_request(batch, options_.resource, wall_);
  const SteadyTime until = clock_.steady() + kGiveUp;
  for (int attempt = 1;; ++attempt) {
    Duration limit = kTimeout;
    {
      std::lock_guard lock(mutex_);
      if (stopping_)
        limit = std::min(limit, std::chrono::ceil<Duration>(stop_at_ - clock_.steady()));
    }
    if (limit <= Duration{0}) return give_up(batch);
    const auto answer = send_(request, limit);
    if (answer && answer->status / 100 == 2) return taken(batch, answer->body);
    const std::string why = answer ? "the collector answered " + std::to_string(answer->status)
                                   : answer.error().to_string();
    // Nobody answered: the collector starts anew, or the network is away.
    const bool worth = answer ? may_retry(answer->status) : answer.error().retryable();
    const auto pause = answer ? answer->retry_after : std::nullopt;
    // Once, however long the collector is away: the metric tells how many.
    if (!std::exchange(in_trouble_, true)) {
      log::warn("traces are not sent; check telemetry.otlp", {{"cause", why}});
    }
    if (!worth || !retry(until, pause, attempt)) return give_up(batch);
  }
}

// Waits for the next attempt; false where there is none. At a stop the one that is due now is the
// last.
bool Spans::retry(SteadyTime until, std::optional<Duration> retry_after, int attempt) {
  static thread_local std::mt19937_64 random{std::random_device{}()};
  const SteadyTime next = clock_.steady() + std::max(retry_after.value_or(Duration{0}),
                                                     backoff_delay(kBackoff, attempt, random()));
  std::unique_lock lock(mutex_);
  if (stopping_ || next > until) return false;
  clock_.wait_until(lock, changed_, next, [this] { return stopping_; });
  return true;
}

// What was not taken must not be sent again.
void Spans::taken(const std::vector<Span>& batch, const std::string& answer) {
  double rejected = 0;
  std::string why;
  if (const auto json = parse_json(answer.empty() ? "{}" : answer); json && json->is_object()) {
    const Json partial = json->value("partialSuccess", Json::object());
    if (const auto n = partial.find("rejectedSpans"); n != partial.end()) {
      // A string, as every 64-bit number; some collectors write a number.
      rejected = n->is_string() ? std::atof(n->get_ref<const std::string&>().c_str())
                                : (n->is_number() ? n->get<double>() : 0);
    }
    if (const auto text = partial.find("errorMessage"); text != partial.end() && text->is_string())
      why = *text;
  }
  rejected = std::clamp(rejected, 0.0, static_cast<double>(batch.size()));
  rejected_.add(rejected);
  sent_.add(static_cast<double>(batch.size()) - rejected);
  if (rejected > 0 && !std::exchange(in_trouble_, true)) {
    log::warn("the collector rejects spans",
              {{"spans", static_cast<std::int64_t>(rejected)}, {"cause", why}});
  }
  if (rejected == 0 && std::exchange(in_trouble_, false)) log::info("traces are sent again");
}

void Spans::give_up(const std::vector<Span>& batch) {
  failed_.add(static_cast<double>(batch.size()));
}

}  // namespace mesh
