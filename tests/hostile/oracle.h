// What holds of every answer that an attacker gets.
#pragma once

#include <string>
#include <string_view>

#include "tests/hostile/generator.h"
#include "tests/support/raw_client.h"

namespace mesh::hostile {

// What is wrong with the answer to `shot`; empty: nothing.
std::string offence_of(const Shot& shot, const test::Answer& answer);

// Bytes as a person can read and paste them: C escapes, cut where very long.
std::string printable(std::string_view bytes, std::size_t most = 3000);

}  // namespace mesh::hostile
