// A file of header fields, as telemetry.otlp.headers_file.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/error.h"

namespace mesh::config {

// "Name: value", one a line; empty lines are passed over. `invalid` names the line and never shows
// it, since it may be a secret.
Result<std::vector<std::pair<std::string, std::string>>> header_lines(std::string_view text);

}  // namespace mesh::config
