// What runs in the server: GCRA as one atomic step.
#pragma once

#include <array>
#include <cstddef>

namespace mesh::redis {

// Both have one key, and answer three texts: the stored time of arrival ("" where there is none),
// and the server's time in seconds and microseconds.
enum class Script {
  take,  // arguments: what is taken, and the tolerance, each in seconds and microseconds
  peek,  // never writes
};
inline constexpr std::size_t kScripts = 2;

// Lua 5.1 as Redis has it.
const char* text_of(Script script);

}  // namespace mesh::redis
