// What a stack costs a month, roughly, by the table terraform/prices.yaml. Pure, but for its
// reading.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/commands/deploy/plan.h"

namespace mesh::cli::deploy {

struct Prices {
  std::string as_of, region, currency;
  double hours_per_month = 730;
  Json resources;  // type → what its price depends on; the table's head says how
};
// `invalid` with the place where it is none.
Result<Prices> parse_prices(const std::string& yaml);
Result<Prices> read_prices(const std::string& path);

struct Cost {
  std::string address;
  double monthly = 0;
};
struct Costs {
  std::vector<Cost> known;             // the dearest first
  std::vector<std::string> not_known;  // of a class that the table has not, or that is known later
  double sum() const;
};
Costs cost_of(const StackPlan& plan, const Prices& prices);

// The lines for people; says where the table is of another region.
std::string cost_text(const Costs& costs, const Prices& prices, const std::string& region);

}  // namespace mesh::cli::deploy
