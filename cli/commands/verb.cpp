#include "cli/commands/verb.h"

#include "common/base/range_text.h"
#include "common/base/strings.h"

namespace mesh::cli {

// Validators here have no description: CLI11 would hang it onto the value's name
// (Option::get_type_name), which usages show.
CLI::Validator whole_number(std::int64_t low, std::int64_t high) {
  return CLI::Validator(
      [low, high](const std::string& text) {
        const auto value = parse_int(text);
        if (value && *value >= low && *value <= high) return std::string{};
        return "\"" + text + "\" is not " + whole_number_text(low, high);
      },
      {});
}

CLI::Validator number_between(double low, double high) {
  return CLI::Validator(
      [low, high](const std::string& text) {
        const auto value = parse_double(text);
        if (value && *value >= low && *value <= high) return std::string{};
        return "\"" + text + "\" is not a number from " + Json(low).dump() + " to " +
               Json(high).dump();
      },
      {});
}

CLI::Validator true_or_false() {
  return CLI::Validator(
      [](const std::string& text) {
        return text == "true" || text == "false" ? std::string{}
                                                 : "\"" + text + "\" is neither true nor false";
      },
      {});
}

Status check_tenant_flag(const Verb& verb, const std::string& path, const Globals& globals) {
  if (globals.tenant.value_or("").empty()) return {};
  if (verb.tenant == TenantUse::argument) {
    return fail(ErrorKind::invalid,
                "`" + path + "` names its tenant by an argument: leave --tenant out");
  }
  if (verb.tenant == TenantUse::none) {
    return fail(ErrorKind::invalid, "`" + path +
                                        "` cannot be restricted to a tenant, since what it is "
                                        "about belongs to none: leave --tenant out");
  }
  return {};
}

CLI::App& Commands::group(const std::string& name, const std::string& summary,
                          const std::string& purpose) {
  CLI::App* app = root_.add_subcommand(name, summary);
  // 0: a group without a verb is answered by app.cpp with the group's help, not by CLI11. Fall
  // through, so that global options may stand behind the verb.
  app->group(purpose)->require_subcommand(0, 1)->fallthrough();
  return *app;
}

CLI::App& Commands::verb(CLI::App& parent, Verb verb, const std::string& purpose) {
  CLI::App* app = parent.add_subcommand(verb.name, verb.summary);
  app->group(purpose)->fallthrough();
  verbs_.emplace(app, std::move(verb));
  return *app;
}

const Verb* Commands::find(const CLI::App* app) const {
  const auto it = verbs_.find(app);
  return it == verbs_.end() ? nullptr : &it->second;
}

}  // namespace mesh::cli
