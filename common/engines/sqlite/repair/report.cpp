#include "common/engines/sqlite/repair/report.h"

namespace mesh::sqlite {

std::string range_text(std::int64_t first, std::int64_t last) {
  return std::to_string(first) + (first == last ? "" : ".." + std::to_string(last));
}

}  // namespace mesh::sqlite
