// The standard atomic weights of the elements.
#pragma once

#include <cstdint>
#include <string_view>

namespace mesh::computed {

// IUPAC standard atomic weights 2021, abridged to five significant digits (Prohaska et al., Pure
// Appl. Chem. 94, 573, 2022), in units of 1/10,000; of an element without one, the mass number of
// its longest-lived isotope (IUPAC periodic table of 4 May 2022). D and T are hydrogen-2 and -3.
struct Element {
  std::string_view symbol;
  std::int64_t weight;
};

const Element* find_element(std::string_view symbol);  // nullptr: there is no such element

}  // namespace mesh::computed
