// What a Kafka broker takes on this machine from librdkafka and a loop: no HTTP, no JSON, no
// tenants, nobody who reads. Acknowledged as the mesh's own appends are (idempotent, acks=all).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/domain/event.h"
#include "common/engines/kafka/kafka_log.h"
#include "tests/bench/harness.h"

namespace mesh::bench {

class BareProducer {
 public:
  enum class Linger {
    engine,   // as the mesh's own producer waits for more records before it sends some
    library,  // as librdkafka does where nothing is set
  };

  // Makes a topic of its own with kPartitions. Throws std::runtime_error where the broker does not.
  explicit BareProducer(const std::string& broker);

  // Keeps `in_flight` records under way for `time` and a warm-up before it, and sends the next one
  // when one is acknowledged: a closed loop, as post_plan() has. The records are those that
  // event_body() of `tenant` becomes. Blocks; throws std::runtime_error where a record fails.
  Measured run(const std::string& tenant, int in_flight, load::Seconds time,
               Linger linger = Linger::engine);

 private:
  const kafka::KafkaOptions options_;
  std::unique_ptr<kafka::KafkaLog> log_;  // of the topic's making
};

}  // namespace mesh::bench
