// The EventLog that stands on Apache Kafka, or on what speaks its protocol. Tried with Kafka 3.9
// and 4.1.
//
// A topic of the mesh is a topic of Kafka, a group one of its consumer groups. A record's key,
// value and headers are Kafka's: an empty key is none there. Its time is the broker's
// (message.timestamp.type=LogAppendTime). What Kafka does differently from the embedded log:
//   - What exists is never altered, but by an import: neither retention nor partitions. See
//     differences().
//   - Retention is the broker's, and waits for nobody: TopicInfo::held and ::passed_over are 0, and
//     GroupInfo::passed_over counts what lies before the start of a partition. TopicInfo::bytes is
//     0: librdkafka cannot ask for it.
//   - A member that neither polls nor keeps itself alive leaves by itself, also where it is alone.
//   - Groups that have members are not sought.
//   - A group without members is forgotten after the broker's offsets.retention.minutes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/domain/server_finding.h"
#include "common/ports/event_log.h"
#include "common/ports/log_import.h"

namespace mesh::kafka {

struct KafkaOptions {
  std::vector<std::string> brokers;    // "host:port", of which one is enough to find the others
  std::string security = "plaintext";  // plaintext | ssl | sasl_plaintext | sasl_ssl
  std::string sasl_mechanism;          // with sasl_*: plain | scram-sha-256 | scram-sha-512
  std::string username, password;
  std::string ca_file, cert_file, key_file;  // PEM; empty: the system's CAs, no client certificate
  // What the name of every topic and group begins with on the brokers; callers never see it.
  // Topics and groups of other names do not exist for them. Without one, topics() lists those whose
  // names are of the mesh's form (is_topic_name) and those that ensure_topic was asked for.
  std::string prefix;
  // Without a prefix groups() lists these, those of a name "<one of these>-…", and those that
  // ensure_group was asked for; where none are named, all.
  std::vector<std::string> groups;
  int replication = 1;  // of topics that it makes
  // False: ensure_topic makes none, and is `not_found` for one that is missing.
  bool create_topics = true;
  std::uint64_t max_pending_bytes = 64 << 20;    // that wait for their turn, as FairQueue bounds it
  std::uint64_t max_in_flight_bytes = 16 << 20;  // handed to librdkafka, not yet acknowledged
  std::uint64_t max_record_bytes = 2 << 20;      // of new topics, and of what is appended
  // How long an append may wait for its turn, and then for the brokers' word. Their sum is what
  // append() takes at most.
  Duration turn_timeout{4'000};
  Duration append_timeout{8'000};
  Duration request_timeout{5'000};  // of every other call
  // How long a process that is gone keeps its partitions. Kafka allows 6 s to 30 min, by default.
  Duration session{10'000};
  // How soon a member learns that partitions change hands; a request each time.
  Duration heartbeat{500};
  // How long a member that neither polls nor keeps itself alive keeps its partitions.
  Duration max_pause{5 * 60'000};
};

// Any thread. Every call that asks a broker blocks for request_timeout at most, but open_consumer,
// which waits for the group to share out its partitions: two sessions at most. append and watch
// never block. Without a broker calls are `unavailable`.
class KafkaLog : public EventLog, public LogAdmin, public LogImport {
 public:
  // Returns though no broker answers. `clock` outlives the log; consumers and watches are dropped
  // before it. `invalid` where an option is wrong.
  static Result<std::unique_ptr<KafkaLog>> open(KafkaOptions options, Clock& clock);
  // Why no broker can be reached; nothing while one answers. Does not block.
  virtual std::optional<Error> trouble() const = 0;
  // How topics that were asked for by ensure_topic differ from that, a sentence each: what an
  // operator made is used as it is. Does not block.
  virtual std::vector<std::string> differences() const = 0;
  // For an operator; asks the brokers a few times. Nothing where trouble() says why not.
  virtual std::vector<ServerFinding> examine() = 0;
  // Tells every watch, wakes every poll, waits up to append_timeout for what was appended; appends
  // fail from now on. Callable twice.
  virtual void close() = 0;
};

}  // namespace mesh::kafka
