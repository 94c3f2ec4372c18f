#include "cli/help.h"

#include <algorithm>
#include <sstream>

#include "cli/render/width.h"
#include "common/base/edit_distance.h"
#include "common/base/strings.h"

namespace mesh::cli {
namespace {

// Below the 100 columns that a test allows, on a terminal of any width.
constexpr int kWidth = 96;
constexpr int kLeftMost = 30;  // a longer left side takes a line of its own

using Pair = std::pair<std::string, std::string>;

// Words wrapped into lines of at most `width` columns.
std::vector<std::string> wrapped(const std::string& text, int width) {
  std::vector<std::string> lines{""};
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (!lines.back().empty() && display_width(lines.back()) + 1 + display_width(word) > width) {
      lines.emplace_back();
    }
    lines.back() += (lines.back().empty() ? "" : " ") + word;
  }
  return lines;
}

std::string columns(const std::vector<Pair>& rows) {
  int left = 0;
  for (const auto& row : rows) {
    if (const int width = display_width(row.first); width <= kLeftMost)
      left = std::max(left, width);
  }
  std::string out;
  for (const auto& [name, text] : rows) {
    const int width = display_width(name);
    out += "  " + name;
    const std::string indent(static_cast<std::size_t>(left + 4), ' ');
    out += width <= left ? std::string(static_cast<std::size_t>(left - width + 2), ' ')
                         : "\n" + indent;
    const auto lines = wrapped(text, kWidth - left - 4);
    for (std::size_t i = 0; i < lines.size(); ++i) out += (i == 0 ? "" : indent) + lines[i] + "\n";
  }
  return out;
}

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

std::string label(const CLI::Option& option) {
  std::string text;
  for (const auto& name : option.get_snames()) text += (text.empty() ? "-" : ", -") + name;
  if (text.empty())
    text = "    ";
  else if (!option.get_lnames().empty())
    text += ", ";
  for (std::size_t i = 0; i < option.get_lnames().size(); ++i) {
    text += (i == 0 ? "--" : ", --") + option.get_lnames()[i];
  }
  if (takes_value(option)) return text + " " + value_name(option);
  return text + option.get_type_name();  // of a flag that may have one: "[=DURATION]"
}

bool is_help(const CLI::App& app, const CLI::Option* option) {
  return option == app.get_help_ptr();
}

std::string usage(const CLI::App& app) {
  std::string text = "Usage: " + command_path(app);
  if (!app.get_subcommands([](const CLI::App*) { return true; }).empty()) {
    text += " COMMAND …\n";
    const bool verb_too = std::ranges::any_of(
        app.get_options(), [](const CLI::Option* option) { return option->get_positional(); });
    // A group with an argument of its own, as `mesh backup DIR`, has two usages.
    if (!verb_too) return text;
    text += "       " + command_path(app);
  }
  bool optional = false;
  for (const CLI::Option* option : app.get_options()) {
    if (is_help(app, option) || option->get_group().empty()) continue;
    if (option->get_positional()) continue;
    if (option->get_required()) {
      text += " --" + option->get_lnames().front() + " " + value_name(*option);
    } else {
      optional = true;
    }
  }
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_positional()) continue;
    std::string name = option->get_name(true);
    if (option->get_items_expected_max() > 1) name += "…";
    text += option->get_required() ? " " + name : " [" + name + "]";
  }
  return text + (optional ? " [options]\n" : "\n");
}

std::string arguments(const CLI::App& app) {
  std::vector<Pair> rows;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional())
      rows.emplace_back(option->get_name(true), option->get_description());
  }
  return rows.empty() ? std::string{} : "\nArguments:\n" + columns(rows);
}

std::string options(const CLI::App& app) {
  std::string out;
  for (const std::string& group : app.get_groups()) {
    std::vector<Pair> rows;
    for (const CLI::Option* option : app.get_options()) {
      if (option->get_group() != group || !option->nonpositional() || is_help(app, option))
        continue;
      if (group.empty()) continue;
      std::string text = option->get_description();
      if (const auto& value = option->get_default_str(); !value.empty() && takes_value(*option)) {
        text += " (default " + value + ")";
      }
      rows.emplace_back(label(*option), text);
    }
    if (!rows.empty()) out += "\n" + group + ":\n" + columns(rows);
  }
  return out;
}

std::string subcommands(const CLI::App& app) {
  std::vector<std::string> groups;
  // Commands without a group are hidden from the overview.
  const auto all =
      app.get_subcommands([](const CLI::App* sub) { return !sub->get_group().empty(); });
  for (const CLI::App* sub : all) {
    if (std::find(groups.begin(), groups.end(), sub->get_group()) == groups.end()) {
      groups.push_back(sub->get_group());
    }
  }
  std::string out;
  for (const auto& group : groups) {
    std::vector<Pair> rows;
    for (const CLI::App* sub : all) {
      if (sub->get_group() != group) continue;
      std::string text = sub->get_description();
      std::string verbs;
      for (const CLI::App* verb : sub->get_subcommands([](const CLI::App*) { return true; })) {
        verbs += (verbs.empty() ? "" : ", ") + verb->get_name();
      }
      if (!verbs.empty()) text += ": " + verbs;
      rows.emplace_back(sub->get_name(), text);
    }
    out += "\n" + group + ":\n" + columns(rows);
  }
  return out;
}

std::string indented(const std::string& text) {
  std::string out;
  for (const auto& line : split(text, '\n')) {
    if (!line.empty()) out += "  " + line + "\n";
  }
  return out;
}

constexpr std::string_view kGlobals =
    "\nGlobal options (`mesh --help` explains them):\n"
    "  -t, --tenant TENANT   -o, --output FORMAT   -y, --yes   -v, --verbose   --timeout D\n"
    "  --server URL   --data-dir DIR   --context CONTEXT   --token TOKEN   --no-progress\n";

constexpr std::string_view kRootExamples =
    "mesh users create --tenant acme --email alice@acme.dev --name \"Alice\"\n"
    "mesh search \"alice\" --tenant acme\n"
    "mesh events tail --topic user.events\n"
    "mesh doctor\n";

}  // namespace

std::string suggestion(const std::vector<std::string>& names, const std::string& word) {
  std::string best;
  // Up to a third of the letters, and two of a short word; beyond that a guess misleads.
  std::size_t least = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const std::string& name : names) {
    const std::size_t distance = edit_distance(to_lower(word), name);
    if (distance == 0 || distance >= least) continue;
    least = distance;
    best = name;
  }
  return best.empty() ? std::string() : "; did you mean \"" + best + "\"?";
}

std::string command_path(const CLI::App& app) {
  return app.get_parent() == nullptr ? app.get_name()
                                     : command_path(*app.get_parent()) + " " + app.get_name();
}

std::string value_name(const CLI::Option& option) {
  const std::string name = option.get_type_name();
  // CLI11 hangs the description of a check behind a colon.
  return name.substr(0, name.find(':'));
}

std::string help_text(const Commands& commands, const CLI::App& app) {
  std::string out = app.get_description() + ".\n";
  const Verb* verb = commands.find(&app);
  if (verb != nullptr && !verb->details.empty()) {
    out += "\n";
    for (const auto& paragraph : split(verb->details, '\n')) {
      for (const auto& line : wrapped(paragraph, kWidth)) out += line + "\n";
    }
  }
  out += "\n" + usage(app) + arguments(app) + subcommands(app) + options(app);
  if (app.get_parent() == nullptr)
    return out + "\nExamples:\n" + indented(std::string(kRootExamples));
  if (verb == nullptr)
    return out + "\n`" + command_path(app) + " COMMAND --help` shows options and examples.\n";
  return out + std::string(kGlobals) + "\nExamples:\n" + indented(verb->examples);
}

std::string unknown_command(const CLI::App& app, const std::string& word) {
  std::vector<std::string> names;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(sub->get_name());
  }
  return "`" + command_path(app) + "` has no command \"" + word + "\"" + suggestion(names, word);
}

std::string unknown_flag(const CLI::App& app, const std::string& word) {
  const std::string flag = word.substr(0, word.find('='));
  std::vector<std::string> names;
  // A flag of the root is good behind any command.
  for (const CLI::App* owner = &app; owner != nullptr; owner = owner->get_parent()) {
    for (const CLI::Option* option : owner->get_options()) {
      for (const auto& name : option->get_lnames()) names.push_back("--" + name);
    }
  }
  return "`" + command_path(app) + "` has no flag " + flag + suggestion(names, flag);
}

}  // namespace mesh::cli
