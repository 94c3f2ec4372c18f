// Molecular formulas.
// Open Babel reads structures (SMILES, MOL); a formula alone is none of its input formats.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "common/base/error.h"

namespace mesh::computed {

struct Formula {
  // By symbol, each above 0; isotopes count under their element, D and T are symbols of their own.
  // Whole numbers are exact.
  std::map<std::string, double> atoms;
  // Of these the ones that were named: {element, mass number} → count.
  std::map<std::pair<std::string, int>, double> isotopes;
  int charge = 0;
  bool radical = false;
  bool repeat_unit = false;  // of a polymer: (C2H4)n
  int parts = 1;             // CuSO4·5H2O has two
};

// Reads
//   C9H8O4  Ca(OH)2  [Co(NH3)6]Cl3       subscript digits and spaces are fine
//   CuSO4·5H2O  CuSO4.5H2O  5H2O·CuSO4   parts, each with a count in front
//   [13C]H4  ¹³CH4                       isotopes: a number right behind '[', or raised
//   Na+  SO4--  Ca+2  SO4^2-  SO₄²⁻      charges, at the end of a part or of a bracket,
//   [Fe(CN)6]4-  Fe3+  NH4+              where a digit behind ']' or a lone metal is the charge
//   Na+Cl-  NH4+NO3-                     ions one behind another, each with its charge: parts
//   CH3•  •OH  O2•-                      radicals
//   Fe0.95O  (C2H4)n                     fractions below 1; the repeat unit of a polymer
// What can be read in two ways is refused with both in the message: 13CH4 (an isotope or thirteen
// molecules), O2- (oxide or superoxide), SO42-, Fe1.5O2, Ca+2Cl-, 2Na+SO4--. `unprocessable` with
// the byte position for all that does not read, also beyond 256 bytes, 16 levels of brackets or
// 10^9 atoms.
Result<Formula> parse_formula(std::string_view text);

// In Hill's order: C, H, then the others by symbol; without C, all by symbol. Isotopes stand in
// brackets behind the rest of their element; charge and radical are left out.
std::string hill_formula(const Formula& formula);

}  // namespace mesh::computed
