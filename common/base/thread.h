// What the operating system knows of a thread.
#pragma once

namespace mesh {

// The calling thread's name as top -H, perf and core files show it; at most 15 characters are kept.
void name_thread(const char* name);

// How far a thread stands back where others want the processor, as a nice value. What gathers
// requests, commits and answers them stands in front, so that a short request does not wait for
// long ones of somebody else.
enum class Standing {
  worker = 5,      // a request that may take long: a third of the share of those in front
  background = 8,  // work of a queue that no request waits for (relay, pipelines, upkeep): a sixth
};
void stand_back(Standing standing);

}  // namespace mesh
