// The work of redrives and purges.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "daemon/pipeline/dead_letters/dead_letters.h"

namespace mesh::pipeline {

struct SettlingSpec {
  std::string topic;  // of the letters
  DeadLetterFilter filter;
  bool redrive = false;
  std::chrono::seconds wait{0};           // for what becomes of redriven events
  std::optional<std::int64_t> rate = {};  // at most so many letters a second
};

// Settles the letters of a dead-letter topic that match, oldest first within each partition, after
// sending them back to their source where they are redriven; then waits for what becomes of them.
Status settle_letters(const LettersDeps& deps, TaskContext& context, const SettlingSpec& spec);

}  // namespace mesh::pipeline
