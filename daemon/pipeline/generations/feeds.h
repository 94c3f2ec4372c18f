// The generations of the user index that this process feeds: a stage and a pipeline each.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/ports/embedder.h"
#include "common/ports/read_cache.h"
#include "common/ports/vector_index.h"
#include "daemon/pipeline/consumer/runtime.h"
#include "daemon/pipeline/groups.h"

namespace mesh::pipeline {

// Any thread.
class Feeds {
 public:
  // What is given outlives it; `searches` may be null. The group of generation n is
  // "<base.name>-<n>".
  Feeds(VectorIndex& index, ReadCache* searches, PipelineOptions base, PipelineDeps deps);
  ~Feeds();  // stop()

  // Starts its pipeline, whose vectors `embedder` makes; does nothing where that runs. Where it
  // runs with another embedder, which is so after the loss of an index, it begins anew.
  Status feed(int number, const std::shared_ptr<Embedder>& embedder);
  // Stops its pipeline, which forgets its metrics; does nothing where none runs.
  void starve(int number);
  void stop();  // of all

  std::vector<int> numbers() const;
  std::string group(int number) const { return generation_group(base_.name, number); }
  // Null where this process does not feed it. Both may be starved while they are held.
  std::shared_ptr<Pipeline> pipeline(int number) const;
  std::shared_ptr<Stage> stage(int number) const;

 private:
  struct Fed {
    std::string embedder;                // its id
    std::shared_ptr<Stage> stage;        // keeps its embedder
    std::shared_ptr<Pipeline> pipeline;  // before it goes, so does the stage: stopped first
  };
  struct Served;
  Served look_at_served() const;
  LetterRule letter_rule(int number) const;

  VectorIndex& index_;
  ReadCache* const searches_;
  const PipelineOptions base_;
  const PipelineDeps deps_;
  mutable std::mutex mutex_;  // over the map, not over a pipeline's stop
  std::map<int, Fed> fed_;    // by number; guarded by mutex_
};

}  // namespace mesh::pipeline
