#include "cli/completion/complete.h"

#include <algorithm>

#include "cli/help.h"
#include "cli/render/width.h"
#include "common/base/strings.h"
#include "common/client/client.h"
#include "common/domain/catalogue.h"
#include "common/domain/rate_scopes.h"

namespace mesh::cli {
namespace {

// A candidate and its description are to fit a line.
constexpr int kDescriptionWidth = 60;

std::vector<Candidate> words(std::initializer_list<std::string_view> list) {
  std::vector<Candidate> all;
  for (const std::string_view word : list) all.push_back({std::string(word)});
  return all;
}

std::vector<Candidate> scopes() {
  std::vector<Candidate> all;
  for (const std::string_view scope : kRateScopes) all.push_back({std::string(scope)});
  return all;
}

std::vector<Candidate> roles() {
  std::vector<Candidate> all;
  for (const client::Role role : client::kRoles) all.push_back({std::string(to_string(role))});
  return all;
}

std::vector<Candidate> types() {
  std::vector<Candidate> all;
  for (const EventTypeDef& def : event_types())
    all.push_back({std::string(def.type), std::string(def.topic)});
  return all;
}

// The sets that this tool knows by itself; nothing for another name.
std::optional<std::vector<Candidate>> known_set(std::string_view name) {
  if (name == "BOUND") return words({"start", "end"});
  if (name == "ROLE") return roles();
  if (name == "SCOPE") return scopes();
  if (name == "SHELL") return words({"bash", "zsh", "fish"});
  if (name == "TYPE") return types();
  return std::nullopt;
}

bool is_word(std::string_view name) {
  // Words are what stands there; names, in capitals, stand for something.
  return std::none_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

// A name that is shown as it is and is no flag: others are of nobody's making here.
bool is_plain_name(const std::string& name) {
  return !name.empty() && !name.starts_with('-') && printable(name) == name;
}

class Offer {
 public:
  Offer(const CLI::App& root, const Cursor& cursor, const Names& names)
      : root_(root), cursor_(cursor), names_(names) {}

  Completion made() {
    if (cursor_.value_of != nullptr) {
      values(value_name(*cursor_.value_of), cursor_.word.substr(0, cursor_.value_at));
    } else if (!cursor_.flags_ended && cursor_.word.starts_with('-')) {
      flags_of(*cursor_.command, true);
      // The command's own before global ones, which are many.
      for (const CLI::App* app = cursor_.command->get_parent(); app; app = app->get_parent())
        flags_of(*app, false);
    } else {
      if (cursor_.arguments.empty() && !cursor_.flags_ended) commands_of(*cursor_.command);
      if (const CLI::Option* argument = argument_at(cursor_))
        values(argument->get_name(true), "");
      else if (completion_.candidates.empty() && cursor_.word.empty() && !cursor_.flags_ended)
        flags_of(*cursor_.command, false);
    }
    const auto& all = completion_.candidates;
    completion_.ends_word =
        all.empty() || std::any_of(all.begin(), all.end(), [](const Candidate& candidate) {
          return !candidate.value.ends_with('=');
        });
    return std::move(completion_);
  }

 private:
  void offer(std::string value, const std::string& description) {
    auto& all = completion_.candidates;
    const auto same = [&](const Candidate& other) { return other.value == value; };
    // Two choices may begin alike, as SCOPE=RATE/PER|SCOPE=none: the word in front is offered once.
    if (!value.starts_with(cursor_.word) || std::any_of(all.begin(), all.end(), same)) return;
    all.push_back({std::move(value), truncate(printable(description), kDescriptionWidth)});
  }

  void commands_of(const CLI::App& app) {
    for (const CLI::App* sub :
         app.get_subcommands([](const CLI::App* sub) { return !sub->get_group().empty(); }))
      offer(sub->get_name(), sub->get_description());
  }

  // Those that may still be given; the help and the version are not what an empty word looks for.
  void flags_of(const CLI::App& app, bool with_help) {
    for (const CLI::Option* option : app.get_options()) {
      if (!option->nonpositional() || option->get_group().empty()) continue;
      if (!with_help && (option == app.get_help_ptr() || option == app.get_version_ptr())) continue;
      // Another flag that is given twice would be refused, or its first value thrown away.
      const bool repeats = option->get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll;
      if (cursor_.given.contains(option) && !repeats) continue;
      const auto excluded = option->get_excludes();
      if (std::any_of(excluded.begin(), excluded.end(),
                      [&](const CLI::Option* other) { return cursor_.given.contains(other); }))
        continue;
      for (const auto& name : option->get_lnames()) offer("--" + name, option->get_description());
    }
  }

  // `pattern`: a value name, see complete.h; `before`: the part of the word in front of the value.
  void values(const std::string& pattern, const std::string& before) {
    for (const std::string& choice : split(pattern, '|')) {
      const auto equals = choice.find('=');
      if (equals == choice.npos) {
        value(choice, before);
        continue;
      }
      for (const Candidate& head : set_of(choice.substr(0, equals))) {
        const std::string begun = before + head.value + "=";
        if (cursor_.word.starts_with(begun))
          value(choice.substr(equals + 1), begun);
        else
          offer(begun, head.description);
      }
    }
  }

  void value(const std::string& name, const std::string& before) {
    if (name == "FILE" || name == "DIR" || name == "BACKUP") {
      completion_.paths =
          name == "FILE" ? Completion::Paths::files : Completion::Paths::directories;
      completion_.paths_at = before.size();
    } else if (name == "COMMAND") {
      const CLI::App* app = &root_;
      for (const auto& word : cursor_.arguments) {
        const auto named =
            app->get_subcommands([&](const CLI::App* sub) { return sub->get_name() == word; });
        // The words before are no command: there is nothing to explain.
        if (named.empty()) return;
        app = named.front();
      }
      commands_of(*app);
    } else {
      for (const Candidate& one : set_of(name)) offer(before + one.value, one.description);
    }
  }

  std::vector<Candidate> set_of(const std::string& name) {
    if (name.empty()) return {};
    if (is_word(name)) return {{name}};
    // Before the server's: these need no request.
    if (auto known = known_set(name)) return std::move(*known);
    std::vector<Candidate> all = names_(name);
    std::erase_if(all, [](const Candidate& one) { return !is_plain_name(one.value); });
    return all;
  }

  const CLI::App& root_;
  const Cursor& cursor_;
  const Names& names_;
  Completion completion_;
};

}  // namespace

Completion complete(const CLI::App& root, const Cursor& cursor, const Names& names) {
  return Offer(root, cursor, names).made();
}

}  // namespace mesh::cli
