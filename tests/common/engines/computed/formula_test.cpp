#include "common/engines/computed/formula.h"

#include <gtest/gtest.h>

namespace mesh::computed {
namespace {

using Atoms = std::map<std::string, double>;

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
  EXPECT_EQ(atoms("CaSO4·2H2O"), (Atoms{{"Ca", 1}, {"S", 1}, {"O", 6}, {"H", 4}}));
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
  for (const char* text :
       {"water",    "c9h8o4", "()",      "()2",      "2",     "H2O··", "H2O..H2O", "H-O",
        "C9H8O4 ?", "C\n",    "H2O\xff", "\xe2\x82", "C1.5.", "H₋",    "+",        "H+-",
        "H^",       "H^2",    "[13]",    "[13c]H4",  "[C",    "¹³",    "C¹³",      "•",
        "Fe0",      "Fe0.0O", "Na+Cl",   "[99C]H4",  "[1D]2O"}) {
    EXPECT_NE(fault(text).find("does not read at byte"), std::string::npos) << text;
  }
}

TEST(Formula, IonsOneBehindAnotherArePartsAndSayWhatMayBeReadInTwoWays) {
  const auto salt = parse_formula("Na+Cl-");
  ASSERT_TRUE(salt) << salt.error().message;
  EXPECT_EQ(salt->atoms, (Atoms{{"Na", 1}, {"Cl", 1}}));
  EXPECT_EQ(salt->parts, 2);
  for (const char* text : {"Ca+2Cl-", "Mg2+ 2Cl-", "2Na+SO4--", "Na+Cl-2"}) {
    EXPECT_NE(fault(text).find("write ions as parts, with · between them"), std::string::npos)
        << text << ": " << fault(text);
  }
  EXPECT_NE(fault("Na+Cl").find("expected the charge of this ion"), std::string::npos);
}

TEST(Formula, ReadsCharges) {
  const std::vector<std::pair<const char*, int>> charges{
      {"Na+", 1},          {"SO4--", -2},        {"SO4^2-", -2},
      {"SO₄²⁻", -2},       {"SO4-2", -2},        {"SO4^-2", -2},
      {"[Fe(CN)6]4-", -4}, {"[Fe(CN)6]^4-", -4}, {"[Fe(CN)6]----", -4},
      {"Ca+2", 2},         {"Ca2+", 2},          {"Ca++", 2},
      {"Ca²⁺", 2},         {"UO2+2", 2},         {"Fe3+", 3},
      {"NH4+", 1},         {"H3O+", 1},          {"Al(OH)4-", -1},
      {"HCO3-", -1},       {"Cl−", -1},          {"[NH4+]2[SO4^2-]", 0},
      {"Na+·Cl-", 0},      {"(NH4+)2", 2},       {"2Na+", 2},
      {"Na+Cl-", 0},       {"NH4+ NO3-", 0},     {"Na+SO4--", -1},
      {"K⁺MnO₄⁻", 0},      {"Ca++Cl-Cl-", 0},    {"K+[Fe(CN)6]4-", -3},
      {"[Na+]", 1},        {"C60^-", -1},        {"H2O", 0}};
  for (const auto& [text, charge] : charges) {
    const auto formula = parse_formula(text);
    ASSERT_TRUE(formula) << text << ": " << formula.error().message;
    EXPECT_EQ(formula->charge, charge) << text;
  }
  EXPECT_EQ(atoms("Fe3+"), (Atoms{{"Fe", 1}}));
  EXPECT_EQ(atoms("NH4+"), (Atoms{{"N", 1}, {"H", 4}}));
  EXPECT_EQ(atoms("[Fe(CN)6]4-"), (Atoms{{"Fe", 1}, {"C", 6}, {"N", 6}}));
  EXPECT_EQ(atoms("UO2+2"), (Atoms{{"U", 1}, {"O", 2}}));
}

TEST(Formula, ReadsIsotopes) {
  using Isotopes = std::map<std::pair<std::string, int>, double>;
  for (const char* text : {"[13C]H4", "¹³CH4", "[13CH4]"}) {
    const auto formula = parse_formula(text);
    ASSERT_TRUE(formula) << text << ": " << formula.error().message;
    EXPECT_EQ(formula->atoms, (Atoms{{"C", 1}, {"H", 4}})) << text;
    EXPECT_EQ(formula->isotopes, (Isotopes{{{"C", 13}, 1}})) << text;
  }
  EXPECT_EQ(parse_formula("[13C]6H12O6")->isotopes, (Isotopes{{{"C", 13}, 6}}));
  EXPECT_EQ(parse_formula("([2H]3C)2O")->isotopes, (Isotopes{{{"H", 2}, 6}}));
  EXPECT_EQ(atoms("D2O"), (Atoms{{"D", 2}, {"O", 1}}));
  EXPECT_EQ(hill_formula(*parse_formula("[13C]H3CH3")), "C[13C]H6");
}

TEST(Formula, ReadsRadicals) {
  for (const char* text : {"CH3•", "•CH3", "CH3.", "·CH3"}) {
    const auto formula = parse_formula(text);
    ASSERT_TRUE(formula) << text << ": " << formula.error().message;
    EXPECT_TRUE(formula->radical) << text;
    EXPECT_EQ(formula->parts, 1) << text;
  }
  const auto superoxide = parse_formula("O2•-");
  ASSERT_TRUE(superoxide) << superoxide.error().message;
  EXPECT_TRUE(superoxide->radical);
  EXPECT_EQ(superoxide->charge, -1);
  EXPECT_FALSE(parse_formula("CuSO4•5H2O")->radical);
}

TEST(Formula, ReadsFractionsBelowOneAndRepeatUnits) {
  EXPECT_EQ(atoms("Fe0.95O"), (Atoms{{"Fe", 0.95}, {"O", 1}}));
  EXPECT_EQ(hill_formula(*parse_formula("Fe0.95O")), "Fe0.95O");
  EXPECT_EQ(atoms("CaSO4·0.5H2O"), (Atoms{{"Ca", 1}, {"S", 1}, {"O", 4.5}, {"H", 1}}));
  EXPECT_EQ(atoms("CaSO4.0.5H2O"), atoms("CaSO4·0.5H2O"));
  EXPECT_TRUE(parse_formula("(C2H4)n")->repeat_unit);
  EXPECT_EQ(atoms("(C2H4)n"), (Atoms{{"C", 2}, {"H", 4}}));
}

// Each of these was read in one of its ways, in silence.
TEST(Formula, RefusesWhatReadsInTwoWays) {
  EXPECT_EQ(fault("13CH4"),
            "the formula does not read at byte 0: 13C may be an isotope or 13 molecules; write "
            "[13C] for the isotope, 13(…) for the molecules");
  EXPECT_NE(fault("2H2O").find("[2H]"), std::string::npos);
  EXPECT_EQ(atoms("2(H2O)"), (Atoms{{"H", 4}, {"O", 2}}));
  EXPECT_EQ(atoms("2NaCl"), (Atoms{{"Na", 2}, {"Cl", 2}}));
  EXPECT_EQ(fault("O2-"),
            "the formula does not read at byte 1: 2- may hold a count as well as a charge; write "
            "^2- for the charge 2-, 2^- for a single one");
  EXPECT_EQ(fault("SO42-"),
            "the formula does not read at byte 2: 42- may hold a count as well as a charge; write "
            "^2- for the charge 2-, 42^- for a single one");
  EXPECT_EQ(fault("Fe1.5O2"),
            "the formula does not read at byte 3: 1.5 may be a fraction or two parts; write parts "
            "with · between them");
  EXPECT_EQ(fault("CaCl2.6NH3").find("does not read at byte 5: 2.6 may be"), 12u);
}

TEST(Formula, NamesVariableCounts) {
  for (const char* text : {"YBa2Cu3O7-x", "NaxCl", "CuSO4·xH2O", "C2nH4", "(C2H4)nO"}) {
    EXPECT_NE(fault(text).find("a variable count has no single formula"), std::string::npos)
        << text << ": " << fault(text);
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
  EXPECT_TRUE(parse_formula("Fe+99"));
  EXPECT_FALSE(parse_formula("Fe+100"));
  EXPECT_FALSE(parse_formula("(Fe+99)2"));
  EXPECT_FALSE(parse_formula("Fe" + std::string(100, '+')));
}

TEST(Formula, HillPutsCarbonAndHydrogenFirst) {
  EXPECT_EQ(hill_formula(*parse_formula("BrCH3")), "CH3Br");
  EXPECT_EQ(hill_formula(*parse_formula("OC")), "CO");
  EXPECT_EQ(hill_formula(*parse_formula("H2SO4")), "H2O4S");
  EXPECT_EQ(hill_formula(*parse_formula("NaCl")), "ClNa");
}

}  // namespace
}  // namespace mesh::computed
