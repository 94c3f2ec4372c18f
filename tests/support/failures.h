// A knob of the fakes: the next calls fail.
#pragma once

#include <optional>

#include "common/base/error.h"

namespace mesh::test {

// Not synchronized: a fake uses it under its own lock.
class Failures {
 public:
  void next(int n, Error error) {
    left_ = n;
    error_ = std::move(error);
  }
  void next(int n) { next(n, {ErrorKind::unavailable, "the fake is down", {}, {}, {}}); }
  std::optional<Error> take() {
    if (left_ == 0) return std::nullopt;
    --left_;
    return error_;
  }

 private:
  int left_ = 0;
  Error error_;
};

}  // namespace mesh::test
