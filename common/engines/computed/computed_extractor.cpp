#include "common/engines/computed/computed_extractor.h"

#include <cmath>
#include <optional>

#include "common/base/strings.h"
#include "common/engines/computed/atomic_weights.h"
#include "common/engines/computed/formula.h"

namespace mesh::computed {
namespace {

// How many bonds an atom makes beyond the two that keep it in a chain; rings and multiple bonds are
// what is then missing. Nothing for elements that the rule does not cover.
std::optional<std::int64_t> spare_valence(std::string_view symbol) {
  if (symbol == "C") return 2;
  if (symbol == "N" || symbol == "P") return 1;
  if (symbol == "O" || symbol == "S") return 0;
  for (const char* one : {"H", "D", "T", "F", "Cl", "Br", "I"}) {
    if (symbol == one) return -1;
  }
  return std::nullopt;
}

// Rings plus double bonds: (2C + 2 + N + P - H - X) / 2.
std::optional<std::int64_t> degree_of_unsaturation(const Formula& formula) {
  if (formula.parts != 1 || !formula.atoms.contains("C")) return std::nullopt;
  std::int64_t twice = 2;
  for (const auto& [symbol, count] : formula.atoms) {
    const auto spare = spare_valence(symbol);
    if (!spare) return std::nullopt;
    twice += *spare * count;
  }
  if (twice < 0 || twice % 2 != 0) return std::nullopt;
  return twice / 2;
}

double rounded(double value, double digits) { return std::round(value * digits) / digits; }

Json properties(const Formula& formula) {
  Json composition = Json::object(), fractions = Json::object();
  std::int64_t atoms = 0, weight = 0;
  for (const auto& [symbol, count] : formula.atoms) {
    atoms += count;
    weight += find_element(symbol)->weight * count;
    composition[symbol] = count;
  }
  for (const auto& [symbol, count] : formula.atoms) {
    const auto mass = static_cast<double>(find_element(symbol)->weight * count);
    fractions[symbol] = rounded(mass / static_cast<double>(weight), 1e6);
  }
  Json json = {{"method", "computed"},
               {"formula", hill_formula(formula)},
               {"molecular_weight", rounded(static_cast<double>(weight) / 1e4, 1e4)},
               {"atom_count", atoms},
               {"element_count", formula.atoms.size()},
               {"composition", std::move(composition)},
               {"mass_fractions", std::move(fractions)}};
  if (const auto degree = degree_of_unsaturation(formula)) json["degree_of_unsaturation"] = *degree;
  return json;
}

class ComputedExtractor final : public PropertyExtractor {
 public:
  Result<Json> extract(const ChemicalEvent& event) override {
    for (const char* name : {"formula", "molecular_formula"}) {
      if (!event.data.is_object()) break;
      const auto it = event.data.find(name);
      if (it == event.data.end() || it->is_null()) continue;
      if (!it->is_string()) {
        return fail(ErrorKind::unprocessable, std::string(name) + " must be a string");
      }
      const auto formula = parse_formula(trim(it->get_ref<const std::string&>()));
      if (!formula) return fail(formula.error());
      return properties(*formula);
    }
    return Json{{"method", "computed"}, {"note", "no formula given"}};
  }
};

}  // namespace

std::unique_ptr<PropertyExtractor> make_extractor() {
  return std::make_unique<ComputedExtractor>();
}

}  // namespace mesh::computed
