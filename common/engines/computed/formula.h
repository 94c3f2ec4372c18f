// Molecular formulas.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "common/base/error.h"

namespace mesh::computed {

struct Formula {
  std::map<std::string, std::int64_t> atoms;  // by symbol, each at least 1
  int parts = 1;                              // CuSO4·5H2O has two
};

// Reads C9H8O4, Ca(OH)2, [Co(NH3)6]Cl3, CuSO4·5H2O or CuSO4.5H2O; subscript digits and spaces are
// fine. `unprocessable` with the byte position otherwise, also beyond 256 bytes, 16 levels of
// brackets or 10^9 atoms.
Result<Formula> parse_formula(std::string_view text);

// In Hill's order: C, H, then the others by symbol; without C, all by symbol.
std::string hill_formula(const Formula& formula);

}  // namespace mesh::computed
