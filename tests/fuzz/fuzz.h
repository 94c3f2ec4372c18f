// What the fuzz targets share: a property that does not hold ends the process, so that the fuzzer
// keeps the input that led there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <source_location>
#include <string>
#include <string_view>

#include "common/base/ids.h"

// libFuzzer's entry point, one in each target.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace mesh::fuzz {

inline void holds(bool property, std::string_view what,
                  std::source_location at = std::source_location::current()) {
  if (property) return;
  std::fprintf(stderr, "%s:%u: does not hold: %.*s\n", at.file_name(), at.line(),
               static_cast<int>(what.size()), what.data());
  std::abort();
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Choices that depend on the input alone, for what the input does not say itself.
class Choices {
 public:
  explicit Choices(std::string_view input) : state_(stable_hash(input)) {}
  // From 1 to `most`.
  std::size_t size(std::size_t most) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return 1 + (state_ >> 33) % most;
  }

 private:
  std::uint64_t state_;
};

}  // namespace mesh::fuzz
