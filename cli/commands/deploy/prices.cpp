#include "cli/commands/deploy/prices.h"

#include <algorithm>
#include <cmath>

#include "cli/files.h"
#include "cli/render/view.h"
#include "common/base/strings.h"
#include "common/yaml/json.h"

namespace mesh::cli::deploy {
namespace {

std::string plain_member(const Json& json, const std::string& name) {
  return json.contains(name) ? plain_text(json.at(name)) : std::string();
}

// "scaling_config.0.desired_size" of a resource, "var.node_disk_gb" of the stack; null where it is
// not known.
Json value_at(const StackPlan& plan, const PlannedResource& resource, const std::string& path) {
  const bool variable = path.starts_with("var.");
  const Json* at = variable ? &plan.variables : &resource.values;
  for (const auto& part : split(variable ? path.substr(4) : path, '.')) {
    if (at->is_array()) {
      const auto index = parse_int(part);
      if (!index || *index < 0 || static_cast<std::size_t>(*index) >= at->size()) return nullptr;
      at = &at->at(static_cast<std::size_t>(*index));
    } else {
      if (!at->is_object() || !at->contains(part)) return nullptr;
      at = &at->at(part);
    }
  }
  return *at;
}

std::optional<double> number(const Json& value) {
  if (value.is_number()) return value.get<double>();
  return value.is_string() ? parse_double(value.get<std::string>()) : std::nullopt;
}

// What a price of the row depends on, looked up in one resource.
class Row {
 public:
  Row(const StackPlan& plan, const PlannedResource& resource, const Json& row)
      : plan_(plan), resource_(resource), row_(row) {}

  // Nothing where something that it depends on is not known.
  std::optional<double> monthly(double hours) const {
    const auto hour = price("hour"), month = price("month"), gb = storage();
    const auto times = count();
    if (!hour || !month || !gb || !times) return {};
    return (*hour * hours + *month + *gb) * *times;
  }

 private:
  Json attribute(const char* name) const {
    const std::string path = plain_member(row_, name);
    return path.empty() ? Json() : value_at(plan_, resource_, path);
  }
  // A number, or a map from the class to one; 0 without.
  std::optional<double> price(const char* name) const {
    if (!row_.contains(name)) return 0;
    const Json& price = row_.at(name);
    if (!price.is_object()) return number(price);
    const Json kind = attribute("class");
    if (!kind.is_string() || !price.contains(kind.get<std::string>())) return {};
    return number(price.at(kind.get<std::string>()));
  }
  std::optional<double> storage() const {
    if (!row_.contains("gb")) return 0;
    const auto gb = number(attribute("gb")), price = this->price("gb_month");
    if (!gb || !price) return {};
    return *gb * *price;
  }
  std::optional<double> count() const {
    const double factor = row_.contains("twice") && attribute("twice") == Json(true) ? 2 : 1;
    if (!row_.contains("count")) return factor;
    const auto count = number(attribute("count"));
    if (!count) return {};
    return *count * factor;
  }

  const StackPlan& plan_;
  const PlannedResource& resource_;
  const Json& row_;
};

}  // namespace

Result<Prices> parse_prices(const std::string& yaml) {
  const Json table = MESH_TRY(yaml::to_json(yaml));
  if (!table.is_object() || !table.contains("resources") || !table.at("resources").is_object())
    return fail(ErrorKind::invalid, "the table of prices has no resources");
  Prices prices{plain_member(table, "as_of"), plain_member(table, "region"),
                plain_member(table, "currency")};
  if (prices.as_of.empty() || prices.region.empty() || prices.currency.empty())
    return fail(ErrorKind::invalid, "the table of prices names no as_of, region or currency");
  if (const auto hours = number(table.value("hours_per_month", Json())); hours)
    prices.hours_per_month = *hours;
  prices.resources = table.at("resources");
  return prices;
}

Result<Prices> read_prices(const std::string& path) {
  const std::string yaml = MESH_TRY(read_file(path, 1 << 20));
  return parse_prices(yaml);
}

double Costs::sum() const {
  double sum = 0;
  for (const Cost& cost : known) sum += cost.monthly;
  return sum;
}

Costs cost_of(const StackPlan& plan, const Prices& prices) {
  Costs costs;
  for (const PlannedResource& resource : plan.resources) {
    if (!prices.resources.contains(resource.type)) continue;
    const Json& row = prices.resources.at(resource.type);
    if (const auto monthly = Row(plan, resource, row).monthly(prices.hours_per_month))
      costs.known.push_back({resource.address, *monthly});
    else
      costs.not_known.push_back(resource.address);
  }
  std::ranges::stable_sort(costs.known, std::ranges::greater(), &Cost::monthly);
  return costs;
}

std::string cost_text(const Costs& costs, const Prices& prices, const std::string& region) {
  const auto whole = [](double value) { return std::to_string(std::llround(value)); };
  std::string text = "costs, roughly, a month: " + whole(costs.sum()) + " " + prices.currency +
                     " by list prices of " + prices.region + " as of " + prices.as_of +
                     ", without traffic, requests and tax";
  if (region != prices.region) text += "; prices of " + region + " are others";
  for (const Cost& cost : costs.known)
    text += "\n  " + whole(cost.monthly) + " " + prices.currency + "  " + cost.address;
  for (const auto& address : costs.not_known) text += "\n  not in the table: " + address;
  return text;
}

}  // namespace mesh::cli::deploy
