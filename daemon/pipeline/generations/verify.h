// Compares a generation with the log it was built from.
#pragma once

#include "daemon/pipeline/generations/generations.h"

namespace mesh::pipeline {

Result<VerifyReport> verify_generation(EventLog& log, LogAdmin& admin, VectorIndex& index,
                                       const GenerationInfo& generation,
                                       const std::vector<std::string>& topics);

}  // namespace mesh::pipeline
