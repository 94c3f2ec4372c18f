// The groups of figures; each starts its own daemon and adds its rows.
#pragma once

#include "tests/bench/harness.h"

namespace mesh::bench {

void post(Bench& bench);
void bulk(Bench& bench);
void searchable(Bench& bench);
void indexing(Bench& bench);
void search(Bench& bench);
void replay(Bench& bench);
void fairness(Bench& bench);
void idle(Bench& bench);
void start(Bench& bench);
void engine_log(Bench& bench);
void engine_store(Bench& bench);
void engine_vectors(Bench& bench);

// With --engines.
void post_on_engines(Bench& bench);

}  // namespace mesh::bench
