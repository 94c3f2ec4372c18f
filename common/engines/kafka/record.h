// Records as librdkafka has them.
#pragma once

#include <optional>
#include <string>

#include "common/domain/event.h"
#include "common/engines/kafka/handles_internal.h"

namespace mesh::kafka {

// What Kafka knows beyond ours becomes what is nearest to it: no key an empty one, a header without
// a value one with an empty value. `topic` as callers see it.
StoredRecord record_of(const rd_kafka_message_t& message, const std::string& topic);
// Of its key, value and headers.
std::size_t size_of(const Record& record);
std::size_t size_of(const StoredRecord& record);

// Gives a copy of it to a producer; `opaque` comes back with its delivery report. `time` counts
// where the topic keeps its producers' times.
rd_kafka_resp_err_t produce(rd_kafka_t* producer, const Record& record,
                            const std::string& wire_topic, int partition, void* opaque,
                            std::optional<Timestamp> time = {});

}  // namespace mesh::kafka
