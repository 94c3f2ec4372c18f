// The engines as one process sees them that is held now and then: every call that it makes stands
// still, and so does every answer to one that it made before. What SIGSTOP does to a process, as
// the stores see it. Its listeners still take requests.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "common/ports/log_over.h"
#include "daemon/engines.h"

namespace mesh::test {

class Gate {
 public:
  void hold() {
    std::lock_guard lock(mutex_);
    held_ = true;
  }
  void let_go() {
    std::vector<std::function<void()>> late;
    {
      std::lock_guard lock(mutex_);
      held_ = false;
      late = std::exchange(late_, {});
    }
    changed_.notify_all();
    for (auto& completion : late) completion();
  }
  // Returns once the process is not held.
  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !held_; });
    --waiting_;
  }
  enum class Point {
    made,  // it has made a generation of the index, and does not know yet
    flip,  // it is about to flip the index's alias: every check before that is behind it
  };
  // Once it is there.
  void hold_at(Point point) {
    std::lock_guard lock(mutex_);
    hold_at_ = point;
    flipped_.reset();
  }
  void reach(Point point) {
    std::lock_guard lock(mutex_);
    if (hold_at_ != point) return;
    hold_at_.reset();
    held_ = true;
  }
  void note_flip(const Status& answer) {
    std::lock_guard lock(mutex_);
    flipped_ = answer;
  }
  std::optional<Status> last_flip() {  // what it was answered; nothing before it was
    std::lock_guard lock(mutex_);
    return flipped_;
  }
  // Runs it, now or once the process is let go.
  void complete(std::function<void()> completion) {
    {
      std::lock_guard lock(mutex_);
      if (held_) {
        late_.push_back(std::move(completion));
        return;
      }
    }
    completion();
  }
  // Blocks until some call stands still.
  void await_call() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return held_ && waiting_ > 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;  // this and the following guarded by mutex_
  int waiting_ = 0;
  std::optional<Point> hold_at_;
  std::optional<Status> flipped_;
  std::vector<std::function<void()>> late_;
};

// Stands still before the call and before its answer.
template <typename Call>
auto held(Gate& gate, Call call) {
  gate.pass();
  if constexpr (std::is_void_v<decltype(call())>) {
    call();
    gate.pass();
  } else {
    auto answer = call();
    gate.pass();
    return answer;
  }
}

class HeldLog final : public LogOver {
 public:
  HeldLog(EventLog& log, Gate& gate) : LogOver(log), gate_(gate) {}
  void append(std::vector<Record> records, AppendDone done) override {
    gate_.pass();
    log_.append(std::move(records), [gate = &gate_, done = std::move(done)](auto positions) {
      auto kept = std::make_shared<decltype(positions)>(std::move(positions));
      gate->complete([done, kept] { done(std::move(*kept)); });
    });
  }
  Result<ReadResult> read(const TopicPartition& partition, std::int64_t from,
                          const ReadLimits& limits) override {
    return held(gate_, [&] { return log_.read(partition, from, limits); });
  }

 private:
  Gate& gate_;
};

class HeldConsumer final : public LogConsumer {
 public:
  HeldConsumer(std::unique_ptr<LogConsumer> consumer, Gate& gate)
      : consumer_(std::move(consumer)), gate_(gate) {}
  Result<std::vector<StoredRecord>> poll(const ReadLimits& limits, Duration timeout) override {
    return held(gate_, [&] { return consumer_->poll(limits, timeout); });
  }
  Status commit(const std::map<TopicPartition, std::int64_t>& next) override {
    return held(gate_, [&] { return consumer_->commit(next); });
  }
  // Not behind it: what changed is known here without a word from the log.
  Assignment changes() override { return consumer_->changes(); }
  void keep_alive() override {
    held(gate_, [&] { consumer_->keep_alive(); });
  }
  std::map<TopicPartition, std::int64_t> position() const override { return consumer_->position(); }
  void wake() override { consumer_->wake(); }

 private:
  std::unique_ptr<LogConsumer> consumer_;
  Gate& gate_;
};

class HeldLogAdmin final : public LogAdminOver {
 public:
  HeldLogAdmin(LogAdmin& admin, Gate& gate) : LogAdminOver(admin), gate_(gate) {}
  // As a log that moves a group only while that has no members.
  void refuse_seeks_of_active_groups() { refuses_ = true; }
  Result<std::unique_ptr<LogConsumer>> open_consumer(const std::string& group,
                                                     const std::vector<std::string>& topics,
                                                     const std::string& member) override {
    auto opened = MESH_TRY(admin_.open_consumer(group, topics, member));
    return std::make_unique<HeldConsumer>(std::move(opened), gate_);
  }
  Result<std::vector<GroupInfo>> groups() override {
    return held(gate_, [&] { return admin_.groups(); });
  }
  bool seeks_active_groups() const override { return !refuses_; }
  Status seek_group(const std::string& group,
                    const std::map<TopicPartition, std::int64_t>& offsets) override {
    if (refuses_) {
      const auto groups = MESH_TRY(admin_.groups());
      for (const GroupInfo& info : groups) {
        if (info.name == group && info.active) return fail(ErrorKind::conflict, "it is active");
      }
    }
    return admin_.seek_group(group, offsets);
  }
  Status delete_group(const std::string& group) override {
    return held(gate_, [&] { return admin_.delete_group(group); });
  }
  Result<std::int64_t> erase(const TopicPartition& partition,
                             std::span<const std::int64_t> offsets) override {
    return held(gate_, [&] { return admin_.erase(partition, offsets); });
  }

 private:
  Gate& gate_;
  bool refuses_ = false;  // constant once it is used
};

class HeldAnalytics final : public AnalyticsStore {
 public:
  HeldAnalytics(AnalyticsStore& store, Gate& gate) : store_(store), gate_(gate) {}
  Status record(std::span<const AnalyticsEvent> events, const Through& through) override {
    return held(gate_, [&] { return store_.record(events, through); });
  }
  Result<AnalyticsSummary> summary(const TenantId& tenant, std::string_view user_id) override {
    return store_.summary(tenant, user_id);
  }
  Result<std::vector<AnalyticsEvent>> recent(const TenantId& tenant, std::string_view user_id,
                                             int limit) override {
    return store_.recent(tenant, user_id, limit);
  }
  Result<std::optional<Timestamp>> recorded(const TenantId& tenant, std::string_view source,
                                            std::string_view event_id) override {
    return store_.recorded(tenant, source, event_id);
  }

 private:
  AnalyticsStore& store_;
  Gate& gate_;
};

class HeldLeases final : public LeaseStore {
 public:
  HeldLeases(LeaseStore& leases, Gate& gate) : leases_(leases), gate_(gate) {}
  Result<std::optional<Lease>> acquire(const std::string& name, const std::string& holder,
                                       Duration ttl) override {
    return held(gate_, [&] { return leases_.acquire(name, holder, ttl); });
  }
  Status renew(const Lease& lease, Duration ttl) override {
    return held(gate_, [&] { return leases_.renew(lease, ttl); });
  }
  Status release(const Lease& lease) override {
    return held(gate_, [&] { return leases_.release(lease); });
  }
  Result<std::vector<LeaseInfo>> list() override { return leases_.list(); }

 private:
  LeaseStore& leases_;
  Gate& gate_;
};

class HeldTasks final : public TaskStore {
 public:
  HeldTasks(TaskStore& tasks, Gate& gate) : tasks_(tasks), gate_(gate) {}
  Status insert(const Task& task) override {
    return held(gate_, [&] { return tasks_.insert(task); });
  }
  Result<std::optional<ClaimedTask>> claim(const std::string& owner, const WantedTask& wanted,
                                           Duration ttl) override {
    return held(gate_, [&] { return tasks_.claim(owner, wanted, ttl); });
  }
  Result<bool> renew(const std::string& id, std::int64_t token, Duration ttl) override {
    return held(gate_, [&] { return tasks_.renew(id, token, ttl); });
  }
  Status store(const Task& task, std::int64_t token) override {
    return held(gate_, [&] { return tasks_.store(task, token); });
  }
  void release(const std::string& id, std::int64_t token) override {
    held(gate_, [&] { tasks_.release(id, token); });
  }
  Result<Task> get(const std::string& id) override { return tasks_.get(id); }
  Result<std::vector<Task>> list(int limit) override { return tasks_.list(limit); }
  Result<Task> request_cancel(const std::string& id) override { return tasks_.request_cancel(id); }
  std::unique_ptr<Watch> watch(Told told) override { return tasks_.watch(std::move(told)); }

 private:
  TaskStore& tasks_;
  Gate& gate_;
};

class HeldIndex final : public VectorIndex {
 public:
  HeldIndex(VectorIndex& index, Gate& gate) : index_(index), gate_(gate) {}
  Result<std::int64_t> take_over() override {
    return held(gate_, [&] { return index_.take_over(); });
  }
  Result<GenerationInfo> create_generation(const GenerationSpec& spec,
                                           std::int64_t epoch) override {
    return held(gate_, [&] {
      auto made = index_.create_generation(spec, epoch);
      gate_.reach(Gate::Point::made);
      return made;
    });
  }
  Status drop_generation(int number, std::int64_t epoch) override {
    return held(gate_, [&] { return index_.drop_generation(number, epoch); });
  }
  Status serve(int number, std::int64_t epoch) override {
    gate_.reach(Gate::Point::flip);
    auto answer = held(gate_, [&] { return index_.serve(number, epoch); });
    gate_.note_flip(answer);
    return answer;
  }
  Result<std::vector<GenerationInfo>> generations() override {
    return held(gate_, [&] { return index_.generations(); });
  }
  Status apply(int generation, std::span<const VectorChange> changes) override {
    return held(gate_, [&] { return index_.apply(generation, changes); });
  }
  Result<std::vector<SearchHit>> search(const TenantId& tenant, const QueryVector& query, int k,
                                        float min_score, const SearchText& text) override {
    return index_.search(tenant, query, k, min_score, text);
  }
  Result<std::vector<SearchHit>> search_in(int generation, const TenantId& tenant,
                                           const QueryVector& query, int k, float min_score,
                                           const SearchText& text) override {
    return index_.search_in(generation, tenant, query, k, min_score, text);
  }
  Result<std::vector<IndexedUser>> scan(int generation, const TenantId& tenant, std::int64_t after,
                                        int limit) override {
    return index_.scan(generation, tenant, after, limit);
  }
  Result<KeptPoints> kept(int generation, const TenantId& tenant,
                          std::optional<std::int64_t> user_id) override {
    return index_.kept(generation, tenant, user_id);
  }
  Status erase(int generation, const TenantId& tenant,
               std::optional<std::int64_t> user_id) override {
    return held(gate_, [&] { return index_.erase(generation, tenant, user_id); });
  }

 private:
  VectorIndex& index_;
  Gate& gate_;
};

// What is changed by reading through the log goes by way of the gate; what requests write does not.
class HeldEngines final : public Engines {
 public:
  explicit HeldEngines(Engines& shared) : shared_(shared) {}
  Gate& gate() { return gate_; }
  void refuse_seeks_of_active_groups() { log_admin_.refuse_seeks_of_active_groups(); }

  const Ports& ports() const override { return ports_; }
  std::vector<services::Check> checks() const override { return shared_.checks(); }
  std::vector<ExaminedServer> examine() const override { return shared_.examine(); }
  void set_gauges(Metrics& metrics) const override { shared_.set_gauges(metrics); }
  void close() override {}

 private:
  const Ports& of() const { return shared_.ports(); }

  Engines& shared_;
  Gate gate_;
  HeldLog log_{of().log, gate_};
  HeldLogAdmin log_admin_{of().log_admin, gate_};
  HeldLeases leases_{of().leases, gate_};
  HeldTasks tasks_{of().tasks, gate_};
  HeldAnalytics analytics_{of().analytics, gate_};
  HeldIndex index_{of().index, gate_};
  const Ports ports_{.log = log_,
                     .log_admin = log_admin_,
                     .users = of().users,
                     .leases = leases_,
                     .outbox = of().outbox,
                     .tenants = of().tenants,
                     .idempotency = of().idempotency,
                     .tasks = tasks_,
                     .members = of().members,
                     .retries = of().retries,
                     .analytics = analytics_,
                     .chemical = of().chemical,
                     .usage = of().usage,
                     .tenant_data = of().tenant_data,
                     .keys = of().keys,
                     .index = index_,
                     .events = of().events,
                     .limiter = of().limiter,
                     .embedders = of().embedders,
                     .extractor = of().extractor};
};

}  // namespace mesh::test
