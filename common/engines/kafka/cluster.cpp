#include "common/engines/kafka/cluster.h"

#include <algorithm>

#include "common/base/pause.h"
#include "common/domain/catalogue.h"
#include "common/telemetry/log.h"

namespace mesh::kafka {
namespace {

using Metadata = std::unique_ptr<const rd_kafka_metadata_t, FreeWith<rd_kafka_metadata_destroy>>;

// A name that does not exist is asked for again after this time only: whoever writes to it must not
// keep the brokers busy.
constexpr Duration kMissKept{500};

TopicShape shape_of(const rd_kafka_metadata_topic_t& topic) {
  TopicShape shape{topic.partition_cnt, 0, topic.partition_cnt > 0};
  for (int i = 0; i < topic.partition_cnt; ++i) {
    shape.led = shape.led && topic.partitions[i].leader >= 0;
    shape.replication = topic.partitions[i].replica_cnt;
  }
  return shape;
}

// Of the request as a whole, and of each group and broker in it.
std::vector<rd_kafka_resp_err_t> codes_of(rd_kafka_event_t* event) {
  std::vector<rd_kafka_resp_err_t> codes{rd_kafka_event_error(event)};
  const auto add = [&](const rd_kafka_error_t* error) {
    if (error != nullptr) codes.push_back(rd_kafka_error_code(error));
  };
  std::size_t count = 0;
  if (const auto* listed = rd_kafka_event_ListConsumerGroups_result(event)) {
    const auto** errors = rd_kafka_ListConsumerGroups_result_errors(listed, &count);
    for (std::size_t i = 0; i < count; ++i) add(errors[i]);
  } else if (const auto* described = rd_kafka_event_DescribeConsumerGroups_result(event)) {
    const auto** groups = rd_kafka_DescribeConsumerGroups_result_groups(described, &count);
    for (std::size_t i = 0; i < count; ++i) add(rd_kafka_ConsumerGroupDescription_error(groups[i]));
  } else if (const auto* set = rd_kafka_event_AlterConsumerGroupOffsets_result(event)) {
    const auto** groups = rd_kafka_AlterConsumerGroupOffsets_result_groups(set, &count);
    for (std::size_t i = 0; i < count; ++i) add(rd_kafka_group_result_error(groups[i]));
  } else if (const auto* deleted = rd_kafka_event_DeleteGroups_result(event)) {
    const auto** groups = rd_kafka_DeleteGroups_result_groups(deleted, &count);
    for (std::size_t i = 0; i < count; ++i) add(rd_kafka_group_result_error(groups[i]));
  }
  return codes;
}

}  // namespace

Result<std::unique_ptr<Cluster>> Cluster::open(const KafkaOptions& options, Clock& clock) {
  auto cluster = std::make_unique<Cluster>(options, clock);
  cluster->handle_ =
      MESH_TRY(make_handle(options, RD_KAFKA_CONSUMER, {}, [&](rd_kafka_conf_t* conf) {
        rd_kafka_conf_set_opaque(conf, cluster.get());
        rd_kafka_conf_set_error_cb(conf, &on_error);
      }));
  cluster->admin_ = std::shared_ptr<rd_kafka_t>(cluster->handle_.get(), [](rd_kafka_t*) {});
  cluster->trouble_ = cluster->no_broker(RD_KAFKA_RESP_ERR__IN_PROGRESS);
  return cluster;
}

Cluster::Cluster(const KafkaOptions& options, Clock& clock) : options_(options), clock_(clock) {}

// From refresh(), which alone lets the handle call back.
void Cluster::on_error(rd_kafka_t*, int code, const char* reason, void* opaque) {
  // That all of them are down says less than why the last one is.
  if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) return;
  static_cast<Cluster*>(opaque)->reason_ =
      Reason{static_cast<rd_kafka_resp_err_t>(code), reason == nullptr ? "" : reason};
}

Error Cluster::no_broker(rd_kafka_resp_err_t code) {
  const Reason why = reason_ ? *reason_ : Reason{code, {}};
  auto error = error_of(why.code, "be reached", why.text);
  error.kind = ErrorKind::unavailable;
  error.message = is_refusal(why.code)
                      ? "the Kafka brokers refuse the user: look at kafka.sasl"
                      : "no Kafka broker answers: look at kafka.brokers and kafka.security, and "
                        "whether the brokers run";
  return error;
}

std::optional<std::string> Cluster::plain_name(const char* wire_name) const {
  const std::string_view name(wire_name);
  if (!name.starts_with(options_.prefix) || name.starts_with("__")) return std::nullopt;
  return std::string(name.substr(options_.prefix.size()));
}

std::optional<int> Cluster::known_partitions(const std::string& topic) const {
  std::lock_guard lock(mutex_);
  const auto it = shapes_.find(topic);
  if (it == shapes_.end()) return std::nullopt;
  return it->second.partitions;
}

Result<int> Cluster::partitions(const std::string& topic) {
  if (const auto known = known_partitions(topic)) return *known;
  bool fresh = false;
  {
    std::lock_guard lock(mutex_);
    if (away_since_) return fail(*trouble_);
    fresh = refreshed_ != SteadyTime{} && clock_.steady() < refreshed_ + kMissKept;
  }
  if (!fresh) MESH_TRY(refresh());
  if (const auto known = known_partitions(topic)) return *known;
  return fail(ErrorKind::not_found, "no topic '" + topic + "'");
}

Status Cluster::check(const TopicPartition& partition) {
  const int count = MESH_TRY(partitions(partition.topic));
  if (partition.partition >= 0 && partition.partition < count) return {};
  return fail(ErrorKind::not_found, "topic '" + partition.topic + "' has no partition " +
                                        std::to_string(partition.partition));
}

std::map<std::string, TopicShape> Cluster::shapes() const {
  std::lock_guard lock(mutex_);
  auto own = shapes_;
  std::erase_if(own, [&](const auto& entry) { return !is_own(entry.first); });
  return own;
}

void Cluster::adopt(const std::string& topic) {
  std::lock_guard lock(mutex_);
  adopted_.insert(topic);
}

bool Cluster::is_own(const std::string& topic) const {
  return !options_.prefix.empty() || is_topic_name(topic) || adopted_.contains(topic);
}

std::optional<Error> Cluster::trouble() const {
  std::lock_guard lock(mutex_);
  return trouble_;
}

std::optional<SteadyTime> Cluster::away_since() const {
  std::lock_guard lock(mutex_);
  return away_since_;
}

std::uint64_t Cluster::additions() const {
  std::lock_guard lock(mutex_);
  return additions_;
}

Status Cluster::refresh() {
  const auto begun = clock_.steady();
  std::lock_guard only(asking_);
  {
    // Whoever waited for another's question has its answer, lest each of many waits for a time-out
    // of its own.
    std::lock_guard lock(mutex_);
    if (trouble_ && failed_ > begun) return fail(*trouble_);
  }
  const rd_kafka_metadata_t* raw = nullptr;
  const auto code =
      rd_kafka_metadata(handle_.get(), 1, nullptr, &raw, milliseconds(options_.request_timeout));
  const Metadata metadata(raw);
  while (rd_kafka_poll(handle_.get(), 0) > 0) {
  }
  std::lock_guard lock(mutex_);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    trouble_ = no_broker(code);
    failed_ = clock_.steady();
    if (!away_since_) {
      away_since_ = clock_.steady();
      log::warn("no Kafka broker answers; they are asked until one does",
                {{"cause", trouble_->cause}});
    }
    return fail(*trouble_);
  }
  if (away_since_) log::info("a Kafka broker answers again");
  away_since_.reset();
  trouble_.reset();
  reason_.reset();
  bool more = false;
  std::map<std::string, TopicShape> now;
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    const auto& topic = metadata->topics[i];
    const auto name = plain_name(topic.topic);
    if (!name) continue;
    const auto before = shapes_.find(*name);
    if (topic.partition_cnt > 0) {
      now.emplace(*name, shape_of(topic));
      more = more || (before == shapes_.end() && is_own(*name));
    } else if (before != shapes_.end() && passes(topic.err)) {
      now.insert(*before);
    }
  }
  shapes_ = std::move(now);
  refreshed_ = clock_.steady();
  if (more) ++additions_;
  return {};
}

void Cluster::pause(Duration time) { mesh::pause(clock_, time); }

Result<Cluster::Offsets> Cluster::offsets(const std::vector<TopicPartition>& partitions,
                                          std::int64_t time) {
  Offsets found;
  if (partitions.empty()) return found;
  const auto until = deadline();
  for (;;) {
    auto list = make_list(partitions.size());
    for (const auto& [topic, number] : partitions) {
      if (found.contains({topic, number})) continue;
      rd_kafka_topic_partition_list_add(list.get(), wire_name(topic).c_str(), number)->offset =
          time;
    }
    const auto left = std::chrono::duration_cast<Duration>(until - clock_.steady()) + Duration(1);
    auto code = rd_kafka_offsets_for_times(handle_.get(), list.get(), milliseconds(left));
    for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; ++i) {
      const auto& one = list->elems[i];
      if (one.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        code = one.err;
      } else {
        std::optional<std::int64_t> offset;
        if (one.offset >= 0) offset = one.offset;
        found[{*plain_name(one.topic), one.partition}] = offset;
      }
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return found;
    if (!passes(code) || clock_.steady() + Duration(50) >= until) {
      return fail(error_of(code, "say where a partition begins or ends"));
    }
    pause(Duration(20));
  }
}

Result<Cluster::Answer> Cluster::ask(rd_kafka_admin_op_t op, std::string_view doing,
                                     const Call& call) {
  const auto until = deadline();
  for (;;) {
    const auto handle = admin();
    AdminOptions options(rd_kafka_AdminOptions_new(handle.get(), op));
    char text[256];
    const auto left =
        std::max(1, milliseconds(std::chrono::duration_cast<Duration>(until - clock_.steady())));
    (void)rd_kafka_AdminOptions_set_request_timeout(options.get(), left, text, sizeof(text));
    QueueHandle queue(rd_kafka_queue_new(handle.get()));
    call(handle.get(), options.get(), queue.get());
    // The event goes before its handle.
    const Answer event(rd_kafka_queue_poll(queue.get(), left + 1'000), [handle](auto* one) {
      if (one != nullptr) rd_kafka_event_destroy(one);
    });
    if (!event) return fail(error_of(RD_KAFKA_RESP_ERR__TIMED_OUT, doing));
    const auto codes = codes_of(event.get());
    if (!std::ranges::any_of(codes, passes) || clock_.steady() + Duration(100) >= until) {
      if (codes.front() == RD_KAFKA_RESP_ERR_NO_ERROR) return event;
      const char* detail = rd_kafka_event_error_string(event.get());
      return fail(error_of(codes.front(), doing, detail == nullptr ? "" : detail));
    }
    if (std::ranges::find(codes, RD_KAFKA_RESP_ERR_NOT_COORDINATOR) != codes.end()) {
      forget_coordinators();
    }
    pause(Duration(50));
  }
}

std::shared_ptr<rd_kafka_t> Cluster::admin() const {
  std::lock_guard lock(mutex_);
  return admin_;
}

// librdkafka 2.0.2 goes on asking the coordinator that it has found once, for minutes.
void Cluster::forget_coordinators() {
  auto fresh = make_handle(options_, RD_KAFKA_CONSUMER, {});
  if (!fresh) return;
  std::shared_ptr<rd_kafka_t> old(std::move(*fresh));  // destroyed without the mutex
  std::lock_guard lock(mutex_);
  admin_.swap(old);
}

}  // namespace mesh::kafka
