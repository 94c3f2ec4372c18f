// What a replay is asked to do.
#pragma once

#include <optional>
#include <string>

#include "common/base/error.h"
#include "common/base/json.h"

namespace mesh::pipeline {

struct ReplaySpec {
  std::string topic;
  // "user-index" (the serving generation), "analytics", "chemical", "metering"
  std::string pipeline;
  std::string from = "start";
  std::string to = "end";  // fixed to offsets when the task is made
  std::optional<std::string> tenant;
  std::optional<std::string> type;
  std::optional<int> partition;
};
// The body of POST /admin/v1/replays: the members above (and "dry_run"). Without "pipeline" the one
// that follows the topic is meant. `unprocessable` with pointers; `invalid` for what is no object.
Result<ReplaySpec> replay_spec_from_json(const Json& json);

}  // namespace mesh::pipeline
