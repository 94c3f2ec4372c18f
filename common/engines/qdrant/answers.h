// What an answer of Qdrant means.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/json.h"
#include "common/engines/qdrant/server.h"

namespace mesh::qdrant {

// The "result" of a good answer, or what is wrong, as Server's errors are.
Result<Json> result_of(const Call& call, const http::Response& response);
// Whether the same may go well in a moment: not what was refused for what it is.
bool may_pass(const http::Response& response);
// Whether it is the server, or the key of the mesh, that is at fault, and not this request.
bool cannot_answer(const http::Response& response);
// What `GET /` tells of a 1.x: `unavailable` below 1.16, or where something else than Qdrant
// answers.
struct Version {
  std::string text;  // "1.18.3"
  int minor = 0;
};
Result<Version> version_of(const http::Response& response);
// A member of an object; null where there is none.
const Json& member(const Json& object, const char* name);
// `name` in small letters.
std::optional<std::string_view> header(const http::Response& response, std::string_view name);
// Of a client's error: with the key that names the server.
tl::unexpected<Error> no_answer(const Call& call, const Error& error);

}  // namespace mesh::qdrant
