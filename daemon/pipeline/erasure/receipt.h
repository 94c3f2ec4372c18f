// What is written down of an erasure. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/domain/erasure.h"
#include "common/domain/task.h"

namespace mesh::pipeline {

struct ErasureFacts {
  ErasureTarget target;
  Timestamp began{}, ended{};
  std::map<std::string, std::int64_t> erased;  // by place
  std::vector<KeptPart> left;                  // as it was counted at the end
  // Groups that did not come by while they were waited for: what they do of it may come yet.
  std::vector<std::string> absent;
  std::vector<std::string> rebuilds;  // ids of tasks, likewise
  // Places of these engines that tell nobody whose what is, with why it remains.
  std::vector<KeptPart> uncounted;
};

// {"version","mesh_version","target":{"tenant","subject"},"task","started_by","began","ended",
//  "erased":[{"place","count"}],"remains":[{"place","count","why"}],"backups",
//  "counted_again":[{"place","count"}]}. A count that nobody knows is null. Nothing in it is data
//  of the target but its id.
Json receipt_of(const ErasureFacts& facts, const Task& task, const std::string& mesh_version);

}  // namespace mesh::pipeline
