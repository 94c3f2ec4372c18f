// Changes that are made only to the version that their caller has seen.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"

namespace mesh::sqlite {

// `conflict` at /version where `only_at` is set and does not hold the stored version of `what`.
inline Status check_version(const std::string& what, std::int64_t stored,
                            const std::optional<std::vector<std::int64_t>>& only_at) {
  if (!only_at || std::ranges::find(*only_at, stored) != only_at->end()) return {};
  const std::string is = "is at version " + std::to_string(stored) + " by now";
  return fail({ErrorKind::conflict,
               what + " " + is + ": read it again before you change it",
               {},
               {{"/version", is}},
               {}});
}

}  // namespace mesh::sqlite
