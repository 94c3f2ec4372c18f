// Whether two versions go together, by the rules of semantic versions. Pure.
#pragma once

#include <optional>
#include <string_view>

namespace mesh::cli {

enum class VersionOrder { compatible, client_older, server_older };

// Compatible where the major versions are the same; of 0.x, where everything may change, the minor
// ones too. Nothing where one is no semantic version ("1.2.3", "1.2.3-rc.1", "1.2.3+build").
std::optional<VersionOrder> compare_versions(std::string_view client, std::string_view server);

// "compatible", "client older", "server older", "not comparable"
const char* verdict_text(std::optional<VersionOrder> order);

}  // namespace mesh::cli
