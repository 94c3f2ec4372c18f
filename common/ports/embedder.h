// Text to vectors.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "common/base/error.h"

namespace mesh {

// Any thread; may block on another server. `unavailable` when that server is down.
class Embedder {
 public:
  virtual ~Embedder() = default;
  virtual int dimension() const = 0;
  // Names the function: equal ids mean equal vectors for equal texts ("hashing-v2/384").
  virtual std::string id() const = 0;
  // One unit vector per text, in order. A text without any feature gives the zero vector.
  virtual Result<std::vector<std::vector<float>>> embed(std::span<const std::string> texts) = 0;
};

}  // namespace mesh
