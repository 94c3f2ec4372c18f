// What every connection to the brokers shares: how it is set up, and what its errors are called.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/error.h"
#include "common/engines/kafka/handles_internal.h"
#include "common/engines/kafka/kafka_log.h"

namespace mesh::kafka {

using Settings = std::vector<std::pair<std::string, std::string>>;

// linger.ms of what produces: how long a record waits for others of its partition.
inline constexpr const char* kLingerMilliseconds = "2";

// A handle with the settings that `options` say, and these. `prepare` sets callbacks. Does not
// wait for a broker. `invalid` where librdkafka refuses a setting.
Result<Handle> make_handle(
    const KafkaOptions& options, rd_kafka_type_t type, const Settings& settings,
    const std::function<void(rd_kafka_conf_t*)>& prepare = [](rd_kafka_conf_t*) {});

// `doing` is what failed, as in "the Kafka log cannot <doing>".
Error error_of(rd_kafka_resp_err_t code, std::string_view doing, std::string_view detail = {});
// Whether the brokers know the client, or what it may do, otherwise than it does.
bool is_refusal(rd_kafka_resp_err_t code);
// Whether the same question, asked a little later, may be answered.
bool passes(rd_kafka_resp_err_t code);

inline int milliseconds(Duration time) { return static_cast<int>(time.count()); }

}  // namespace mesh::kafka
