// Whole numbers for people.
#pragma once

#include <cstdint>
#include <string>

namespace mesh {

std::string with_thousands(std::int64_t number);  // "12,345"

}  // namespace mesh
