#include "common/engines/computed/computed_extractor.h"

#include <cmath>
#include <optional>

#include "common/base/strings.h"
#include "common/domain/atomic_weights.h"
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
  const bool molecule = formula.parts == 1 && formula.charge == 0 && !formula.radical &&
                        !formula.repeat_unit && formula.atoms.contains("C");
  if (!molecule) return std::nullopt;
  double twice = 2;
  for (const auto& [symbol, count] : formula.atoms) {
    const auto spare = spare_valence(symbol);
    if (!spare) return std::nullopt;
    twice += static_cast<double>(*spare) * count;
  }
  // A formula of no molecule that the rule knows; a wrong number would be worse than none.
  if (twice < 0 || std::fmod(twice, 2) != 0) return std::nullopt;
  return static_cast<std::int64_t>(twice / 2);
}

// Rises when the same formula has another result.
constexpr const char* kVersion = "1";

Json begin() { return {{"method", "computed"}, {"strategy", "computed"}, {"version", kVersion}}; }

double rounded(double value, double digits) { return std::round(value * digits) / digits; }

// Whole numbers as integers.
Json number(double count) {
  if (count == std::trunc(count)) return static_cast<std::int64_t>(count);
  // Sums of fractions such as 0.1 + 0.2 would else show their last digits.
  return rounded(count, 1e9);
}

// In units of 1/10,000 by element: isotopes that were named weigh what they weigh.
std::map<std::string, double> masses(const Formula& formula) {
  std::map<std::string, double> masses;
  for (const auto& [symbol, count] : formula.atoms) {
    masses[symbol] = static_cast<double>(find_element(symbol)->weight) * count;
  }
  for (const auto& [isotope, count] : formula.isotopes) {
    const auto& [symbol, mass_number] = isotope;
    const auto weight = isotope_weight(symbol, mass_number);
    const auto difference =
        weight.value_or(std::int64_t{mass_number} * 10'000) - find_element(symbol)->weight;
    masses[symbol] += static_cast<double>(difference) * count;
  }
  return masses;
}

std::string notes(const Formula& formula) {
  std::string text;
  const auto note = [&](const std::string& more) { text += (text.empty() ? "" : "; ") + more; };
  if (formula.repeat_unit) note("a polymer: the values are of one repeat unit");
  for (const auto& [isotope, count] : formula.isotopes) {
    const auto& [symbol, mass_number] = isotope;
    if (isotope_weight(symbol, mass_number)) continue;
    note(std::to_string(mass_number) + symbol + " is weighed by its mass number");
  }
  return text;
}

Json properties(const Formula& formula) {
  Json composition = Json::object(), fractions = Json::object(), isotopes = Json::object();
  double atoms = 0, weight = 0;
  const auto mass = masses(formula);
  for (const auto& [symbol, count] : formula.atoms) {
    atoms += count;
    weight += mass.at(symbol);
    composition[symbol] = number(count);
  }
  for (const auto& [symbol, count] : formula.atoms) {
    fractions[symbol] = rounded(mass.at(symbol) / weight, 1e6);
  }
  for (const auto& [isotope, count] : formula.isotopes) {
    isotopes[std::to_string(isotope.second) + isotope.first] = number(count);
  }
  Json json = begin();
  json["formula"] = hill_formula(formula);
  json["molecular_weight"] = rounded(weight / 1e4, 1e4);
  json["atom_count"] = number(atoms);
  json["element_count"] = formula.atoms.size();
  json["composition"] = std::move(composition);
  json["mass_fractions"] = std::move(fractions);
  if (const auto degree = degree_of_unsaturation(formula)) json["degree_of_unsaturation"] = *degree;
  if (formula.charge != 0) json["charge"] = formula.charge;
  if (formula.radical) json["radical"] = true;
  if (!isotopes.empty()) json["isotopes"] = std::move(isotopes);
  json["confidence"] = 1;
  if (auto note = notes(formula); !note.empty()) json["note"] = std::move(note);
  return json;
}

Json only_note(const std::string& note) {
  Json json = begin();
  json["note"] = note;
  return json;
}

Json properties_of(const ChemicalEvent& event) {
  // The first of the two names that is there counts, also where it cannot be read.
  for (const char* name : {"formula", "molecular_formula"}) {
    if (!event.data.is_object()) break;
    const auto it = event.data.find(name);
    if (it == event.data.end() || it->is_null()) continue;
    if (!it->is_string()) return only_note(std::string(name) + " is not a string");
    const auto text = trim(it->get_ref<const std::string&>());
    if (text.empty()) return only_note("the formula is empty");
    const auto formula = parse_formula(text);
    return formula ? properties(*formula) : only_note(formula.error().message);
  }
  return only_note("no formula given");
}

class ComputedExtractor final : public PropertyExtractor {
 public:
  std::vector<Result<Json>> extract(std::span<const ChemicalEvent> events) override {
    std::vector<Result<Json>> results;
    for (const ChemicalEvent& event : events) results.push_back(properties_of(event));
    return results;
  }
};

}  // namespace

std::unique_ptr<PropertyExtractor> make_extractor() {
  return std::make_unique<ComputedExtractor>();
}

}  // namespace mesh::computed
