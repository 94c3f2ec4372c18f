// Numbers for people. Pure.
#pragma once

#include <cstdint>
#include <string>

namespace mesh::cli {

std::string with_thousands(std::int64_t number);  // "12,345"
std::string clock_text(double seconds);           // "01:05", "2:00:07"; "--:--" beyond 100 h

}  // namespace mesh::cli
