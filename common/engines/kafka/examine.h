// What an operator should know of the Kafka brokers.
#pragma once

#include <vector>

#include "common/domain/server_finding.h"
#include "common/engines/kafka/topics.h"

namespace mesh::kafka {

// Their version as far as they tell it, whether topics may be made, and whether topics keep what
// was acknowledged. Asks three times, and makes nothing. Their clock is not told by any request
// that librdkafka makes.
std::vector<ServerFinding> examine(Cluster& cluster, Topics& topics);

}  // namespace mesh::kafka
