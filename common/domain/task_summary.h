// What came of a task, in words for people.
#pragma once

#include <string>

#include "common/domain/task.h"

namespace mesh {

// Of one that runs how far it is, of one that has ended what it did: "redriven 3, done 2, died
// again 1, searchable 2"; where it failed or was cancelled also what remains. Programs read
// `result`. Pure.
std::string task_summary(const Task& task);

}  // namespace mesh
