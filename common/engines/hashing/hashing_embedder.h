// The deterministic Embedder: feature hashing of words and character n-grams.
#pragma once

#include <memory>

#include "common/ports/embedder.h"

namespace mesh::hashing {

inline constexpr int kMinDimension = 16, kMaxDimension = 4096;

// `dimension` outside the bounds is taken to the nearer one.
std::unique_ptr<Embedder> make_embedder(int dimension);

}  // namespace mesh::hashing
