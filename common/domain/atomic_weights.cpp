#include "common/domain/atomic_weights.h"

#include <algorithm>
#include <array>

namespace mesh {
namespace {

// By symbol, for binary search.
constexpr std::array kElements{
    Element{"Ac", 2270000}, Element{"Ag", 1078700}, Element{"Al", 269820},  Element{"Am", 2430000},
    Element{"Ar", 399500},  Element{"As", 749220},  Element{"At", 2100000}, Element{"Au", 1969700},
    Element{"B", 108100},   Element{"Ba", 1373300}, Element{"Be", 90122},   Element{"Bh", 2700000},
    Element{"Bi", 2089800}, Element{"Bk", 2470000}, Element{"Br", 799040},  Element{"C", 120110},
    Element{"Ca", 400780},  Element{"Cd", 1124100}, Element{"Ce", 1401200}, Element{"Cf", 2510000},
    Element{"Cl", 354500},  Element{"Cm", 2470000}, Element{"Cn", 2850000}, Element{"Co", 589330},
    Element{"Cr", 519960},  Element{"Cs", 1329100}, Element{"Cu", 635460},  Element{"D", 20141},
    Element{"Db", 2680000}, Element{"Ds", 2810000}, Element{"Dy", 1625000}, Element{"Er", 1672600},
    Element{"Es", 2520000}, Element{"Eu", 1519600}, Element{"F", 189980},   Element{"Fe", 558450},
    Element{"Fl", 2900000}, Element{"Fm", 2570000}, Element{"Fr", 2230000}, Element{"Ga", 697230},
    Element{"Gd", 1572500}, Element{"Ge", 726300},  Element{"H", 10080},    Element{"He", 40026},
    Element{"Hf", 1784900}, Element{"Hg", 2005900}, Element{"Ho", 1649300}, Element{"Hs", 2690000},
    Element{"I", 1269000},  Element{"In", 1148200}, Element{"Ir", 1922200}, Element{"K", 390980},
    Element{"Kr", 837980},  Element{"La", 1389100}, Element{"Li", 69400},   Element{"Lr", 2620000},
    Element{"Lu", 1749700}, Element{"Lv", 2930000}, Element{"Mc", 2900000}, Element{"Md", 2580000},
    Element{"Mg", 243050},  Element{"Mn", 549380},  Element{"Mo", 959500},  Element{"Mt", 2770000},
    Element{"N", 140070},   Element{"Na", 229900},  Element{"Nb", 929060},  Element{"Nd", 1442400},
    Element{"Ne", 201800},  Element{"Nh", 2860000}, Element{"Ni", 586930},  Element{"No", 2590000},
    Element{"Np", 2370000}, Element{"O", 159990},   Element{"Og", 2940000}, Element{"Os", 1902300},
    Element{"P", 309740},   Element{"Pa", 2310400}, Element{"Pb", 2072000}, Element{"Pd", 1064200},
    Element{"Pm", 1450000}, Element{"Po", 2090000}, Element{"Pr", 1409100}, Element{"Pt", 1950800},
    Element{"Pu", 2440000}, Element{"Ra", 2260000}, Element{"Rb", 854680},  Element{"Re", 1862100},
    Element{"Rf", 2670000}, Element{"Rg", 2820000}, Element{"Rh", 1029100}, Element{"Rn", 2220000},
    Element{"Ru", 1010700}, Element{"S", 320600},   Element{"Sb", 1217600}, Element{"Sc", 449560},
    Element{"Se", 789710},  Element{"Sg", 2690000}, Element{"Si", 280850},  Element{"Sm", 1503600},
    Element{"Sn", 1187100}, Element{"Sr", 876200},  Element{"T", 30160},    Element{"Ta", 1809500},
    Element{"Tb", 1589300}, Element{"Tc", 970000},  Element{"Te", 1276000}, Element{"Th", 2320400},
    Element{"Ti", 478670},  Element{"Tl", 2043800}, Element{"Tm", 1689300}, Element{"Ts", 2940000},
    Element{"U", 2380300},  Element{"V", 509420},   Element{"W", 1838400},  Element{"Xe", 1312900},
    Element{"Y", 889060},   Element{"Yb", 1730500}, Element{"Zn", 653800},  Element{"Zr", 912240},
};

struct Isotope {
  std::string_view symbol;
  int mass_number;
  std::int64_t weight;
};
constexpr std::array kIsotopes{
    Isotope{"H", 1, 10078},     Isotope{"H", 2, 20141},     Isotope{"H", 3, 30160},
    Isotope{"Li", 6, 60151},    Isotope{"Li", 7, 70160},    Isotope{"B", 10, 100129},
    Isotope{"B", 11, 110093},   Isotope{"C", 11, 110114},   Isotope{"C", 12, 120000},
    Isotope{"C", 13, 130034},   Isotope{"C", 14, 140032},   Isotope{"N", 13, 130057},
    Isotope{"N", 14, 140031},   Isotope{"N", 15, 150001},   Isotope{"O", 15, 150031},
    Isotope{"O", 16, 159949},   Isotope{"O", 17, 169991},   Isotope{"O", 18, 179992},
    Isotope{"F", 18, 180009},   Isotope{"F", 19, 189984},   Isotope{"P", 31, 309738},
    Isotope{"P", 32, 319739},   Isotope{"P", 33, 329717},   Isotope{"S", 32, 319721},
    Isotope{"S", 34, 339679},   Isotope{"S", 35, 349690},   Isotope{"Cl", 35, 349689},
    Isotope{"Cl", 36, 359683},  Isotope{"Cl", 37, 369659},  Isotope{"Fe", 57, 569354},
    Isotope{"Br", 79, 789183},  Isotope{"Br", 81, 809163},  Isotope{"I", 123, 1229056},
    Isotope{"I", 124, 1239062}, Isotope{"I", 125, 1249046}, Isotope{"I", 127, 1269045},
    Isotope{"I", 131, 1309061}, Isotope{"U", 235, 2350439}, Isotope{"U", 238, 2380508},
};

constexpr bool by_symbol(const Element& a, const Element& b) { return a.symbol < b.symbol; }
// Deuterium and tritium have symbols of their own.
static_assert(kElements.size() == 118 + 2);
static_assert(std::is_sorted(kElements.begin(), kElements.end(), by_symbol));

}  // namespace

const Element* find_element(std::string_view symbol) {
  const auto it =
      std::lower_bound(kElements.begin(), kElements.end(), Element{symbol, 0}, by_symbol);
  return it != kElements.end() && it->symbol == symbol ? &*it : nullptr;
}

std::optional<std::int64_t> isotope_weight(std::string_view symbol, int mass_number) {
  const auto it = std::find_if(kIsotopes.begin(), kIsotopes.end(), [&](const Isotope& isotope) {
    return isotope.symbol == symbol && isotope.mass_number == mass_number;
  });
  return it != kIsotopes.end() ? std::optional(it->weight) : std::nullopt;
}

bool may_be_isotope(std::string_view symbol, int mass_number) {
  const Element* element = find_element(symbol);
  if (element == nullptr || symbol == "D" || symbol == "T") return false;
  const std::int64_t weight = std::int64_t{mass_number} * 10'000;
  // From two thirds to one and a half of the natural weight, and 2 more, which tritium needs: wide
  // enough for what substances are labelled with, and a slip of the pen mostly lies beyond.
  return 3 * weight >= 2 * element->weight && 2 * weight <= 3 * element->weight + 40'000;
}

}  // namespace mesh
