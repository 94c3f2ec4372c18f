// The standard atomic weights of the elements.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace mesh {

// IUPAC standard atomic weights 2021, abridged to five significant digits (Prohaska et al., Pure
// Appl. Chem. 94, 573, 2022), in units of 1/10,000; of an element without one, the mass number of
// its longest-lived isotope (IUPAC periodic table of 4 May 2022). D and T are hydrogen-2 and -3.
struct Element {
  std::string_view symbol;
  std::int64_t weight;
};

const Element* find_element(std::string_view symbol);  // nullptr: there is no such element

// The isotopes that substances are labelled with: their atomic masses of AME2020 (Wang et al.,
// Chinese Phys. C 45, 030003, 2021), rounded to 1/10,000. Nothing for others.
std::optional<std::int64_t> isotope_weight(std::string_view symbol, int mass_number);

// Whether an isotope of this mass number may exist; a bound, not a table of all nuclides.
bool may_be_isotope(std::string_view symbol, int mass_number);

}  // namespace mesh
