#include "daemon/pipeline/reading_group.h"

#include <algorithm>

#include "daemon/pipeline/groups.h"

namespace mesh::pipeline {

Result<std::optional<std::string>> reading_group(const std::string& topic, VectorIndex& index) {
  const TopicGroup* reads = group_of(topic);
  if (reads == nullptr) return std::optional<std::string>();
  const std::string group = reads->group;
  if (group != kUserIndex.group) return std::optional(group);
  const auto generations = MESH_TRY(index.generations());
  const auto serving = std::ranges::find_if(generations, &GenerationInfo::serving);
  if (serving == generations.end()) return std::optional<std::string>();
  return std::optional(generation_group(group, serving->number));
}

}  // namespace mesh::pipeline
