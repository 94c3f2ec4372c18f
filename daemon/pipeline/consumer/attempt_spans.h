// The spans of one call of a stage: an attempt of each event.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/pipeline/batch_spans.h"
#include "daemon/pipeline/consumer/batch.h"
#include "daemon/pipeline/consumer/runtime.h"

namespace mesh::pipeline {

class AttemptSpans {
 public:
  // Records that are older are history, which a rebuild or a seek reads once more: no part of what
  // their requests did.
  static constexpr Duration kHistory = std::chrono::hours(1);

  // Of the open events, which the stage finds their spans in. Nothing where no traces are sent.
  static std::optional<AttemptSpans> begin(const PipelineDeps& deps, const std::string& pipeline,
                                           Batch& batch);
  // A trace that is sent and has one of them in it; "" where there is none.
  const std::string& exemplar() const { return exemplar_; }
  // `called`: what Batch::consult answered.
  void end(const Batch& batch, const Status& called);

 private:
  explicit AttemptSpans(BatchSpans spans) : spans_(std::move(spans)) {}

  BatchSpans spans_;
  std::vector<std::size_t> works_;  // of the n-th span
  std::string exemplar_;
};

}  // namespace mesh::pipeline
