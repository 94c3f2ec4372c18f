// What the operating system knows of a thread.
#pragma once

namespace mesh {

// The calling thread's name as top -H, perf and core files show it; at most 15 characters are kept.
void name_thread(const char* name);

// Lets the calling thread stand back where others want the processor: work that a queue feeds and
// nobody waits for in a request (relay, pipelines, upkeep). It still gets about a quarter of a busy
// processor, so that a lag grows slowly and never for ever.
void run_in_background();

}  // namespace mesh
