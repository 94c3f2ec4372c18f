// Which group makes the events of a topic searchable or counted.
#pragma once

#include <optional>
#include <string>

#include "common/base/error.h"
#include "common/ports/vector_index.h"

namespace mesh::pipeline {

// Of the index it is that of the generation that serves. Nothing where no pipeline reads the topic,
// or no generation serves. Asks the index for topics that it is built from. Any thread.
Result<std::optional<std::string>> reading_group(const std::string& topic, VectorIndex& index);

}  // namespace mesh::pipeline
