// The deterministic PropertyExtractor: computes from the molecular formula.
//
// Of data with a "formula" or "molecular_formula" such as "C9H8O4" it makes
//   {"method":"computed","strategy":"computed","version":"1","formula":"C9H8O4" (Hill
//   order),"molecular_weight":180.159 (g/mol),
//    "atom_count":21,"element_count":3,"composition":{"C":9,"H":8,"O":4},
//    "mass_fractions":{"C":0.600020,…},"degree_of_unsaturation":6,"confidence":1}
// where the degree is there only for a single molecule of C with H, N, O, P, S and halogens, and
// where it is a whole number of at least 0. Besides, where they apply:
//   "charge":-2; "radical":true; "isotopes":{"13C":1} (of the atoms in the composition);
//   "note": what the values mean (one repeat unit, an isotope weighed by its mass number).
// A formula that is missing, empty or does not read stops nothing, since the experiment was done:
//   {"method":"computed","strategy":"computed","version":"1","note":"the formula does not read at
//   byte 4: there is no element Xx"}
#pragma once

#include <memory>

#include "common/ports/property_extractor.h"

namespace mesh::computed {
std::unique_ptr<PropertyExtractor> make_extractor();
}  // namespace mesh::computed
