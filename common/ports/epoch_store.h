// Documents that one hand at a time changes, for engines whose own server cannot compare epochs.
//
// Whoever takes a document over gets an epoch, higher than all before; from then on a write under
// an older one changes nothing, however late it arrives.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/error.h"

namespace mesh {

struct EpochDocument {
  std::int64_t epoch = 0;  // 0: never taken over
  std::string body;        // its writer's; a store keeps it and reads nothing in it
};

// Any thread; changes block until durable, reads are quick (memory, a file) or one round trip.
class EpochStore {
 public:
  virtual ~EpochStore() = default;
  // Raises the epoch; the body stays, and is answered.
  virtual Result<EpochDocument> take_over(const std::string& name) = 0;
  // One that was never written is empty.
  virtual Result<EpochDocument> read(const std::string& name) = 0;
  // `conflict`, and nothing is changed, unless `epoch` is the stored one.
  virtual Status write(const std::string& name, std::int64_t epoch, const std::string& body) = 0;
};

}  // namespace mesh
