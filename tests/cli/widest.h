// How wide printed text is.
#pragma once

#include <algorithm>
#include <sstream>
#include <string>

#include "cli/render/width.h"

namespace mesh::cli {

// Of its lines, in columns.
inline int widest(const std::string& text) {
  std::istringstream lines(text);
  int width = 0;
  for (std::string line; std::getline(lines, line);) width = std::max(width, display_width(line));
  return width;
}

}  // namespace mesh::cli
