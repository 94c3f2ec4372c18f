// What runs in the server, each as one atomic step.
#pragma once

#include <iterator>

namespace mesh::redis {

// Each has one key.
enum class Script {
  // GCRA. Both answer three texts: the stored time of arrival ("" where there is none), and the
  // server's time in seconds and microseconds.
  take,  // arguments: what is taken, and the tolerance, each in seconds and microseconds
  peek,  // never writes
  // The key is a hash: "?" has the ticket, "=<question>" an answer.
  // Arguments: question, a ticket, time to live in milliseconds, and "0" where no hash is to be
  // made. Answers "=<answer>", "?<ticket>" with the one that is there, "!<ticket>" where the given
  // one was written, and "" where it was not.
  find,
  keep,  // arguments: question, ticket, answer, most questions; written if the ticket stands there
  // Drops those keys that match the pattern, among the next ones of the database: the key is what
  // they begin with. Arguments: cursor ("0" at first), pattern, about how many keys to look at.
  // Answers two texts: the next cursor, "0" at the end, and how many were dropped.
  drop,
};
inline constexpr Script kScripts[] = {Script::take, Script::peek, Script::find, Script::keep,
                                      Script::drop};

// Lua 5.1 as Redis has it.
const char* text_of(Script script);

}  // namespace mesh::redis
