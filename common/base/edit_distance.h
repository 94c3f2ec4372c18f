// How far two words are from each other, for "did you mean". Pure; any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace mesh {

// Levenshtein's distance, in bytes: how many to put in, take out or change. It takes time as the
// product of both lengths.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace mesh
