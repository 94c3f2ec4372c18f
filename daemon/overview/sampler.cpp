#include "daemon/overview/sampler.h"

#include <algorithm>
#include <utility>

#include "common/base/ids.h"
#include "common/telemetry/log.h"
#include "daemon/overview/groups.h"

namespace mesh::overview {
namespace {

constexpr int kRestFor = 20;           // times what a sample took, so that it takes no processor
constexpr int kMostTasksLooked = 500;  // the newest
constexpr std::chrono::hours kDay{24};
constexpr std::chrono::minutes kMinute{1};

// Another one once a task came, began, went on or ended.
std::string version_of(const std::vector<Task>& tasks) {
  std::string states;
  for (const Task& task : tasks) {
    states += task.id + " " + std::string(to_string(task.state)) + " " + std::to_string(task.done) +
              " " + (task.cancel_requested ? "c" : "") + "\n";
  }
  return std::to_string(stable_hash(states));
}

}  // namespace

Sampler::Sampler(SamplerDeps deps)
    : deps_(std::move(deps)),
      live_(deps_.run),
      letters_(deps_.log),
      sampling_(
          "overview", deps_.clock, kLivePeriod, [this] { tick(); }, Periodic::Rest::keeps),
      examining_(
          "overview checks", deps_.clock, kPeriod, [this] { check(); }, Periodic::Rest::keeps) {
  // The first checks are not the start's to wait for.
  checking_ = true;
  examining_.hurry();
}

Sampler::~Sampler() { stop(); }

void Sampler::stop() {
  live_.close();
  examining_.stop();
  sampling_.stop();
  task_watch_.reset();
}

Overview Sampler::overview() const {
  std::lock_guard lock(mutex_);
  return {sample_, {history_.begin(), history_.end()}, attention_, checks_};
}

Live::Id Sampler::watch(std::shared_ptr<http::EventStream> stream, std::string_view seen) {
  const auto id = live_.add(std::move(stream), seen);
  // The first to watch need not wait for what is ten seconds old.
  if (id != 0 && live_.size() == 1) sampling_.hurry();
  return id;
}

void Sampler::tick() {
  const auto began = deps_.clock.steady();
  const bool due = began - last_.at >= (live_.size() > 0 ? kLivePeriod : kPeriod);
  if (began_ && (!due || began < resting_until_)) return;
  take();
  // A log that is away makes a sample slow, too, and just then somebody wants to see the next one:
  // so it does not rest as long as Periodic::Rest::spares would have it.
  const auto ended = deps_.clock.steady();
  resting_until_ = ended + std::min<SteadyTime::duration>(kRestFor * (ended - began), kPeriod);
}

void Sampler::take() {
  Sample sample{.time = deps_.clock.now()};
  Sums sums = sums_of(deps_.metrics);
  sums.at = deps_.clock.steady();
  look_at_log(sample, sums);
  look_at_tasks(sample);
  sample.outbox = deps_.outbox.size();
  sample.streams = static_cast<std::int64_t>(deps_.metrics.sum("mesh_http_event_streams"));
  std::optional<Point> point;
  if (!std::exchange(began_, true)) {
    last_point_ = sums;
  } else {
    sample.rates = rates_between(last_, sums);
    if (sums.at - last_point_.at >= kPeriod) {
      point = Point{sample.time, rates_between(last_point_, sums), sample.lag, sample.dead_letters,
                    sample.outbox};
      last_point_ = sums;
    }
  }
  last_ = std::move(sums);
  publish(std::move(sample), std::move(point));
}

// What of it cannot be had is nothing, and told once, in the log.
void Sampler::look_at_log(Sample& sample, Sums& sums) {
  const auto look = [&]() -> Status {
    const auto topics = MESH_TRY(deps_.admin.topics());
    sums.events = 0;
    for (const auto& topic : topics) {
      std::int64_t end = 0;
      for (const auto& marks : topic.partitions) end += marks.end;
      sample.topics[topic.spec.name] = end;
      if (is_counted(topic.spec.name)) *sums.events += end;
    }
    auto groups = MESH_TRY(sample_groups({deps_.log, deps_.admin, deps_.retries, deps_.metrics},
                                         topics, deps_.pipelines(), sample.time));
    sample.lag = sample.parked = 0;
    sample.lag_seconds = 0;
    for (const auto& group : groups) {
      *sample.lag += group.lag;
      *sample.parked += group.parked;
      sample.lag_seconds = std::max(*sample.lag_seconds, group.lag_seconds);
    }
    sample.groups = std::move(groups);
    const auto counted = letters_.update(topics, sample.time);
    sample.dead_letters = letters_.open();
    sample.letters = letters_.letters(sample.time);
    return counted;
  };
  const auto looked = look();
  const std::string complaint = looked ? "" : looked.error().to_string();
  if (complaint != std::exchange(complained_, complaint) && !looked) {
    log::warn("the overview cannot look at the log", {{"cause", complaint}});
  }
}

void Sampler::look_at_tasks(Sample& sample) {
  const auto runs = [](const Task& task) { return task.state == Task::State::running; };
  // Progress tells nobody: while a task runs and somebody watches, it is looked at each time.
  const bool goes_on = live_.size() > 0 && std::ranges::any_of(known_tasks_, runs);
  const auto now = deps_.clock.steady();
  if (tasks_told_.exchange(false) || goes_on || now - tasks_listed_ >= kPeriod) {
    // Before the list, so that what comes behind it is told.
    task_watch_.reset();
    task_watch_ = deps_.tasks.watch([this] { tasks_told_ = true; });
    tasks_listed_ = now;
    if (auto listed = deps_.tasks.list(kMostTasksLooked)) known_tasks_ = std::move(*listed);
  }
  sample.tasks_running = std::ranges::count_if(known_tasks_, runs);
  sample.tasks_changed = version_of(known_tasks_);
  for (const Task& task : known_tasks_) {
    if (task.state == Task::State::failed && task.finished_at > sample.time - kDay) {
      sample.failed.push_back(task);
    }
  }
}

void Sampler::check() {
  if (!checking_) return;
  auto checks = deps_.checks();
  std::map<std::string, int> versions;
  if (const auto members = deps_.members.list()) {
    for (const auto& info : *members) ++versions[info.member.version];
  }
  std::lock_guard lock(mutex_);
  checks_ = std::move(checks);
  versions_ = std::move(versions);
}

void Sampler::publish(Sample sample, std::optional<Point> point) {
  std::string sample_text = dump(to_json(sample));
  while (recent_.size() > 1 && recent_[1].time <= sample.time - kMinute) recent_.pop_front();
  const bool known = !recent_.empty() && recent_.front().time <= sample.time - kMinute;
  std::string attention_text;
  {
    std::lock_guard lock(mutex_);
    attention_ = attention({sample, known ? &recent_.front() : nullptr, checks_, versions_});
    attention_text = dump(to_json(attention_));
    sample_ = sample;
    if (point) history_.push_back(std::move(*point));
    if (history_.size() > kPoints) history_.pop_front();
  }
  recent_.push_back(std::move(sample));
  live_.send_sample(std::move(sample_text));
  live_.send_attention(std::move(attention_text));
}

}  // namespace mesh::overview
