// Where spans of traces go: telemetry.otlp.
#pragma once

#include <memory>
#include <string>

#include "common/config/config.h"
#include "common/telemetry/spans.h"

namespace mesh {

// `instance` names this process. Null where the configuration has no endpoint.
std::unique_ptr<Spans> make_spans(const config::Config& config, const std::string& version,
                                  const std::string& instance, Clock& clock, Metrics& metrics);

}  // namespace mesh
