#include "common/client/positions.h"

#include <limits>

#include "common/base/strings.h"

namespace mesh::client {

std::string format_positions(const Positions& positions) {
  std::string text;
  for (const auto& [partition, offset] : positions) {
    if (!text.empty()) text += ',';
    text += std::to_string(partition) + ':' + std::to_string(offset);
  }
  return text;
}

Result<Positions> parse_positions(std::string_view text) {
  Positions positions;
  // A topic of which nothing was read; split would find one empty part.
  if (text.empty()) return positions;
  for (const std::string& part : split(text, ',')) {
    const auto colon = part.find(':');
    const auto partition = parse_int(std::string_view(part).substr(0, colon));
    const auto offset =
        colon == part.npos ? std::nullopt : parse_int(std::string_view(part).substr(colon + 1));
    if (!partition || !offset || *partition < 0 || *offset < 0 ||
        *partition > std::numeric_limits<std::int32_t>::max()) {
      return fail(ErrorKind::invalid, "\"" + part + "\" is not a position (partition:offset)");
    }
    positions[static_cast<std::int32_t>(*partition)] = *offset;
  }
  return positions;
}

}  // namespace mesh::client
