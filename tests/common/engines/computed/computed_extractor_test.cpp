#include "common/engines/computed/computed_extractor.h"

#include <gtest/gtest.h>

#include "common/domain/atomic_weights.h"

namespace mesh::computed {
namespace {

Result<Json> extract(Json data) {
  const ChemicalEvent event{.id = "e",
                            .tenant = TenantId::parse("acme").value(),
                            .molecule_id = "m",
                            .researcher = "r",
                            .timestamp = "",
                            .data = std::move(data),
                            .llm_properties = nullptr};
  return make_extractor()->extract({&event, 1}).front();
}

Json of(const char* formula) { return extract({{"formula", formula}}).value(); }

// Nothing is claimed, so with no confidence.
Json noted(const char* note) {
  return {{"method", "computed"}, {"strategy", "computed"}, {"version", "1"}, {"note", note}};
}

TEST(ComputedExtractor, DescribesAspirin) {
  EXPECT_EQ(
      dump(of("C9H8O4")),
      R"({"method":"computed","strategy":"computed","version":"1","formula":"C9H8O4","molecular_weight":180.159,)"
      R"("atom_count":21,"element_count":3,"composition":{"C":9,"H":8,"O":4},)"
      R"("mass_fractions":{"C":0.60002,"H":0.04476,"O":0.35522},)"
      R"("degree_of_unsaturation":6,"confidence":1})");
}

TEST(ComputedExtractor, MolecularWeightsMatchTheLiterature) {
  EXPECT_DOUBLE_EQ(of("H2O")["molecular_weight"], 18.015);
  EXPECT_DOUBLE_EQ(of("C8H10N4O2")["molecular_weight"], 194.194);  // caffeine
  EXPECT_DOUBLE_EQ(of("NaCl")["molecular_weight"], 58.44);
  EXPECT_DOUBLE_EQ(of("CuSO4·5H2O")["molecular_weight"], 249.677);
  EXPECT_DOUBLE_EQ(of("Ca(OH)2")["molecular_weight"], 74.092);
  EXPECT_DOUBLE_EQ(of("UF6")["molecular_weight"], 352.018);
  EXPECT_DOUBLE_EQ(of("D2O")["molecular_weight"], 20.0272);
}

TEST(ComputedExtractor, MassFractionsAddUpToOne) {
  for (const char* formula : {"C9H8O4", "Fe4[Fe(CN)6]3", "C254H377N65O75S6"}) {
    double sum = 0;
    const auto properties = of(formula);
    for (const auto& [symbol, fraction] : properties["mass_fractions"].items()) {
      sum += fraction.get<double>();
    }
    EXPECT_NEAR(sum, 1.0, 1e-5) << formula;
  }
}

TEST(ComputedExtractor, DegreeOfUnsaturationCountsRingsAndDoubleBonds) {
  const auto degree = [](const char* formula) {
    return of(formula).value("degree_of_unsaturation", -1);
  };
  EXPECT_EQ(degree("CH4"), 0);
  EXPECT_EQ(degree("C6H6"), 4);
  EXPECT_EQ(degree("C8H10N4O2"), 6);
  EXPECT_EQ(degree("CHCl3"), 0);
  EXPECT_EQ(degree("CO2"), 2);
  EXPECT_EQ(degree("C6H12O6"), 1);
  EXPECT_EQ(degree("CD3OD"), 0);
}

TEST(ComputedExtractor, DegreeOfUnsaturationIsLeftOutWhereItMeansNothing) {
  for (const char* formula : {"NaCl", "H2O", "C2H5", "CH6", "CuSO4·5H2O", "Fe(CO)5", "C2H6·H2O"}) {
    EXPECT_FALSE(of(formula).contains("degree_of_unsaturation")) << formula;
  }
}

TEST(ComputedExtractor, ReadsEitherNameOfTheFormulaAndTrims) {
  EXPECT_EQ(extract({{"molecular_formula", " H2O "}}).value()["formula"], "H2O");
  EXPECT_EQ(extract({{"formula", nullptr}, {"molecular_formula", "H2O"}}).value()["formula"],
            "H2O");
  EXPECT_EQ(extract({{"molecular_formula", "CO"}, {"formula", "H2O"}}).value()["formula"], "H2O");
}

TEST(ComputedExtractor, WithoutAFormulaItSaysSo) {
  const Json expected = noted("no formula given");
  EXPECT_EQ(extract(Json::object()).value(), expected);
  EXPECT_EQ(extract({{"smiles", "CC(=O)OC1=CC=CC=C1C(=O)O"}}).value(), expected);
  EXPECT_EQ(extract(nullptr).value(), expected);
}

// Such an event became a dead letter, and the experiment was not counted.
TEST(ComputedExtractor, AFormulaThatDoesNotReadIsNoted) {
  const std::vector<std::pair<Json, const char*>> notes{
      {"C9H8Xx4", "the formula does not read at byte 4: there is no element Xx"},
      {"", "the formula is empty"},
      {" ", "the formula is empty"},
      {7, "formula is not a string"},
      {Json::array(), "formula is not a string"}};
  for (const auto& [formula, note] : notes) {
    const auto properties = extract({{"formula", formula}});
    ASSERT_TRUE(properties) << formula;
    EXPECT_EQ(*properties, noted(note));
  }
}

TEST(ComputedExtractor, DescribesIonsRadicalsAndIsotopes) {
  const Json sulfate = of("SO4--");
  EXPECT_EQ(sulfate["charge"], -2);
  EXPECT_DOUBLE_EQ(sulfate["molecular_weight"], 96.056);
  const Json methyl = of("CH3•");
  EXPECT_EQ(methyl["radical"], true);
  EXPECT_FALSE(methyl.contains("degree_of_unsaturation"));
  const Json methane = of("[13C]H4");
  EXPECT_EQ(methane["isotopes"], (Json{{"13C", 1}}));
  EXPECT_EQ(methane["formula"], "[13C]H4");
  EXPECT_DOUBLE_EQ(methane["molecular_weight"], 17.0354);
  EXPECT_FALSE(methane.contains("note"));
  EXPECT_EQ(of("H2O").contains("charge"), false);
  EXPECT_EQ(of("[238Pu]O2")["note"], "238Pu is weighed by its mass number");
}

TEST(ComputedExtractor, DescribesFractionsAndPolymers) {
  const Json wustite = of("Fe0.95O");
  EXPECT_DOUBLE_EQ(wustite["molecular_weight"], 69.0518);
  EXPECT_EQ(wustite["composition"], (Json{{"Fe", 0.95}, {"O", 1}}));
  const Json polyethylene = of("(C2H4)n");
  EXPECT_EQ(polyethylene["formula"], "C2H4");
  EXPECT_EQ(polyethylene["note"], "a polymer: the values are of one repeat unit");
  EXPECT_FALSE(polyethylene.contains("degree_of_unsaturation"));
}

TEST(AtomicWeights, KnowTheIsotopesOfLabels) {
  EXPECT_EQ(isotope_weight("C", 13), 130034);
  EXPECT_EQ(isotope_weight("C", 15), std::nullopt);
  EXPECT_TRUE(may_be_isotope("C", 15));
  EXPECT_TRUE(may_be_isotope("H", 1));
  EXPECT_FALSE(may_be_isotope("C", 99));
  EXPECT_FALSE(may_be_isotope("D", 2));
}

TEST(AtomicWeights, KnowAllElementsAndNothingElse) {
  for (const char* symbol : {"H", "C", "Og", "Zr", "Ac", "U", "D"}) {
    ASSERT_NE(find_element(symbol), nullptr) << symbol;
    EXPECT_EQ(find_element(symbol)->symbol, symbol);
  }
  for (const char* symbol : {"", "h", "Xx", "CO", "Hh", "Zz"}) {
    EXPECT_EQ(find_element(symbol), nullptr) << symbol;
  }
}

}  // namespace
}  // namespace mesh::computed
