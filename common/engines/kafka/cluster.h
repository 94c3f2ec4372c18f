// What is asked of the brokers beside records: which topics there are, and where their partitions
// begin and end.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/domain/event.h"
#include "common/engines/kafka/client.h"

namespace mesh::kafka {

struct TopicShape {
  int partitions = 0;
  int replication = 0;
  bool led = false;  // every partition has a leader
};

// Any thread. Names are those that callers see, without the prefix, unless it says otherwise. What
// blocks does so for request_timeout at most.
class Cluster {
 public:
  static Result<std::unique_ptr<Cluster>> open(const KafkaOptions& options, Clock& clock);
  Cluster(const KafkaOptions& options, Clock& clock);

  // As the brokers know it.
  std::string wire_name(const std::string& name) const { return options_.prefix + name; }
  // Nothing for what is not the mesh's.
  std::optional<std::string> plain_name(const char* wire_name) const;

  // Of what refresh() or a caller has found. Does not block.
  std::optional<int> known_partitions(const std::string& topic) const;
  // `not_found` where there is no such topic. Blocks where it is not known yet and a broker may
  // answer: without one the next refresh() finds it.
  Result<int> partitions(const std::string& topic);
  Status check(const TopicPartition& partition);
  // Those that count as the mesh's, as of the last refresh. Does not block.
  std::map<std::string, TopicShape> shapes() const;
  void adopt(const std::string& topic);  // it counts as the mesh's, whatever its name
  Status refresh();                      // asks for all topics
  std::uint64_t additions() const;       // how often it found one more than before
  std::optional<Error> trouble() const;  // of the last refresh; also before the first
  // Since when no refresh has been answered; nothing before the first, or while they are.
  std::optional<SteadyTime> away_since() const;

  // For each partition the offset of the first record at or after `time`, in ms since 1970, or of
  // RD_KAFKA_OFFSET_BEGINNING or _END. Empty where there is none.
  using Offsets = std::map<TopicPartition, std::optional<std::int64_t>>;
  Result<Offsets> offsets(const std::vector<TopicPartition>& partitions, std::int64_t time);

  // One request of the admin API, and its answer, which is no error as a whole. Asked again for a
  // while where a part of it is one that passes.
  using Call = std::function<void(rd_kafka_t*, const rd_kafka_AdminOptions_t*, rd_kafka_queue_t*)>;
  using Answer = std::shared_ptr<rd_kafka_event_t>;
  Result<Answer> ask(rd_kafka_admin_op_t op, std::string_view doing, const Call& call);

  // Until this is over, or later: for the caller's own attempts.
  SteadyTime deadline() const { return clock_.steady() + options_.request_timeout; }
  void pause(Duration time);
  Clock& clock() { return clock_; }
  const KafkaOptions& options() const { return options_; }

 private:
  static void on_error(rd_kafka_t*, int code, const char* reason, void* opaque);
  Error no_broker(rd_kafka_resp_err_t code);
  bool is_own(const std::string& topic) const;  // under mutex_
  std::shared_ptr<rd_kafka_t> admin() const;
  void forget_coordinators();

  const KafkaOptions& options_;
  Clock& clock_;
  Handle handle_;      // constant once it is open
  std::mutex asking_;  // one refresh at a time
  // What librdkafka told of its connections; guarded by asking_.
  struct Reason {
    rd_kafka_resp_err_t code;
    std::string text;
  };
  std::optional<Reason> reason_;
  mutable std::mutex mutex_;
  // This and the following guarded by mutex_. Those of others are here, too, where there is no
  // prefix: who knows a name may read it.
  std::map<std::string, TopicShape> shapes_;
  std::set<std::string> adopted_;
  std::shared_ptr<rd_kafka_t> admin_;  // handle_, or another one in its place
  std::uint64_t additions_ = 0;
  SteadyTime refreshed_{};
  std::optional<Error> trouble_;
  SteadyTime failed_{};                   // when trouble_ was last found
  std::optional<SteadyTime> away_since_;  // the log has told of the trouble, too
};

}  // namespace mesh::kafka
