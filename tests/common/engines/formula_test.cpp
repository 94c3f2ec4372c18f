#include "common/engines/computed/formula.h"

#include <gtest/gtest.h>

namespace mesh::computed {
namespace {

using Atoms = std::map<std::string, std::int64_t>;

Atoms atoms(std::string_view text) {
  const auto formula = parse_formula(text);
  EXPECT_TRUE(formula) << text << ": " << formula.error().message;
  return formula ? formula->atoms : Atoms{};
}

std::string fault(std::string_view text) {
  const auto formula = parse_formula(text);
  if (formula) return "reads as " + hill_formula(*formula);
  EXPECT_EQ(formula.error().kind, ErrorKind::unprocessable);
  return formula.error().message;
}

TEST(Formula, CountsElements) {
  EXPECT_EQ(atoms("C9H8O4"), (Atoms{{"C", 9}, {"H", 8}, {"O", 4}}));
  EXPECT_EQ(atoms("NaCl"), (Atoms{{"Na", 1}, {"Cl", 1}}));
  EXPECT_EQ(atoms("CO"), (Atoms{{"C", 1}, {"O", 1}}));
  EXPECT_EQ(atoms("Co"), (Atoms{{"Co", 1}}));
  EXPECT_EQ(atoms("CH3CH2OH"), (Atoms{{"C", 2}, {"H", 6}, {"O", 1}}));
  EXPECT_EQ(atoms("C12H22O11"), (Atoms{{"C", 12}, {"H", 22}, {"O", 11}}));
}

TEST(Formula, MultipliesBracketsOfAllSorts) {
  EXPECT_EQ(atoms("Ca(OH)2"), (Atoms{{"Ca", 1}, {"O", 2}, {"H", 2}}));
  EXPECT_EQ(atoms("Fe4[Fe(CN)6]3"), (Atoms{{"Fe", 7}, {"C", 18}, {"N", 18}}));
  EXPECT_EQ(atoms("{[Co(NH3)6]Cl3}2"), (Atoms{{"Co", 2}, {"N", 12}, {"H", 36}, {"Cl", 6}}));
}

TEST(Formula, AddsTheWaterOfHydrates) {
  const Atoms vitriol{{"Cu", 1}, {"S", 1}, {"O", 9}, {"H", 10}};
  for (const char* text : {"CuSO4·5H2O", "CuSO4.5H2O", "CuSO4*5H2O", "CuSO4 • 5 H2O", "CuSO4⋅5H2O",
                           "CuSO₄·5H₂O", "5H2O·CuSO4"}) {
    EXPECT_EQ(atoms(text), vitriol) << text;
    EXPECT_EQ(parse_formula(text)->parts, 2) << text;
  }
  EXPECT_EQ(atoms("2H2O"), (Atoms{{"H", 4}, {"O", 2}}));
}

TEST(Formula, SaysWhereItDoesNotRead) {
  EXPECT_EQ(fault(""), "the formula does not read at byte 0: expected an element such as C or Na");
  EXPECT_EQ(fault("C9H8Xx4"), "the formula does not read at byte 4: there is no element Xx");
  EXPECT_EQ(fault("Ca(OH2"), "the formula does not read at byte 6: expected ')'");
  EXPECT_EQ(fault("Ca(OH]2"), "the formula does not read at byte 5: expected ')'");
  EXPECT_EQ(fault("H2O)"),
            "the formula does not read at byte 3: expected an element, a bracket or a count");
  EXPECT_EQ(fault("H0"), "the formula does not read at byte 2: a count does not begin with 0");
}

TEST(Formula, RefusesWhatIsNoFormula) {
  for (const char* text : {"water", "c9h8o4", "()", "()2", "2", "H2O·", "·H2O", "H2O..H2O", "H-O",
                           "NH4+", "C9H8O4 ?", "C\n", "H2O\xff", "\xe2\x82", "C1.5.", "H₋"}) {
    EXPECT_NE(fault(text).find("does not read at byte"), std::string::npos) << text;
  }
}

TEST(Formula, BoundsLengthNestingAndCounts) {
  EXPECT_TRUE(parse_formula(std::string(256, 'C')));
  EXPECT_FALSE(parse_formula(std::string(257, 'C')));
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '(') + "C" + std::string(depth, ')');
  };
  EXPECT_TRUE(parse_formula(nested(16)));
  EXPECT_FALSE(parse_formula(nested(17)));
  EXPECT_TRUE(parse_formula("C1000000000"));
  EXPECT_FALSE(parse_formula("C1000000001"));
  EXPECT_FALSE(parse_formula("C99999999999999999999999"));
  EXPECT_FALSE(parse_formula("((C100000)100000)100000"));
  EXPECT_FALSE(parse_formula("C1000000000C"));
}

TEST(Formula, HillPutsCarbonAndHydrogenFirst) {
  EXPECT_EQ(hill_formula(*parse_formula("BrCH3")), "CH3Br");
  EXPECT_EQ(hill_formula(*parse_formula("OC")), "CO");
  EXPECT_EQ(hill_formula(*parse_formula("H2SO4")), "H2O4S");
  EXPECT_EQ(hill_formula(*parse_formula("NaCl")), "ClNa");
}

}  // namespace
}  // namespace mesh::computed
