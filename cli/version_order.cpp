#include "cli/version_order.h"

#include <array>
#include <compare>

#include "common/base/strings.h"

namespace mesh::cli {
namespace {

// Major, minor, patch.
std::optional<std::array<std::int64_t, 3>> parse(std::string_view text) {
  const auto parts = split(text.substr(0, text.find_first_of("-+")), '.');
  if (parts.size() != 3) return std::nullopt;
  std::array<std::int64_t, 3> numbers{};
  for (std::size_t i = 0; i < 3; ++i) {
    const auto number = parse_int(parts[i]);
    if (!number || *number < 0) return std::nullopt;
    numbers[i] = *number;
  }
  return numbers;
}

}  // namespace

std::optional<VersionOrder> compare_versions(std::string_view client, std::string_view server) {
  const auto ours = parse(client), theirs = parse(server);
  if (!ours || !theirs) return std::nullopt;
  const bool same = (*ours)[0] == (*theirs)[0] && ((*ours)[0] > 0 || (*ours)[1] == (*theirs)[1]);
  if (same) return VersionOrder::compatible;
  return *ours < *theirs ? VersionOrder::client_older : VersionOrder::server_older;
}

const char* verdict_text(std::optional<VersionOrder> order) {
  if (!order) return "not comparable";
  switch (*order) {
    case VersionOrder::compatible:
      return "compatible";
    case VersionOrder::client_older:
      return "client older";
    case VersionOrder::server_older:
      break;
  }
  return "server older";
}

}  // namespace mesh::cli
