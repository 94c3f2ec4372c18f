// What a number may be, in the same words wherever one is refused.
#pragma once

#include <cstdint>
#include <string>

namespace mesh {

// "a whole number from 1 to 100"
inline std::string whole_number_text(std::int64_t low, std::int64_t high) {
  return "a whole number from " + std::to_string(low) + " to " + std::to_string(high);
}

}  // namespace mesh
