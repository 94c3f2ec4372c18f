// Regular expressions of texts that handlers read, for the API description (ECMA-262, as JSON
// Schema has them). What one of them admits a handler takes.
#pragma once

#include <string>

namespace mesh::services {

// A span of time from 1ms to 366d: "1h30m".
std::string duration_pattern();
// Of those that retention_from_json takes.
std::string retention_pattern();
// A place in the log, as pipeline::resolve_bound reads it.
std::string bound_pattern();
// Names of users: something to see, and nothing that turns or ends the line.
std::string user_name_pattern();
std::string base64_pattern();
// Texts without NUL, without any control character, and media types of JSON.
std::string no_nul_pattern();
std::string no_control_pattern();
std::string json_media_pattern();
// Types of events outside the catalogue: not of topics that only the mesh writes, and none of those
// whose data has a schema.
std::string other_type_pattern();

}  // namespace mesh::services
