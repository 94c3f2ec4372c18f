// The symbols of the elements.
#pragma once

#include <string_view>

namespace mesh::openai {

// Deuterium and tritium, D and T, are such too. The same as computed::find_element knows; a test
// compares them, since engines do not see each other.
bool is_element(std::string_view symbol);

}  // namespace mesh::openai
