#include <algorithm>

#include "cli/commands/verb.h"
#include "cli/help.h"
#include "common/base/strings.h"

namespace mesh::cli {
namespace {

bool is_default(const Json& setting) { return at_path(setting, "origin") == "default"; }

// "meshd.yaml:12 ${MESH_BODY}; 4MiB at the next start": the line is what a narrow terminal must not
// cut off.
std::string from_text(const Json& setting) {
  std::string text = is_default(setting) ? "default" : plain_text(at_path(setting, "where"));
  text.erase(0, text.rfind('/') + 1);
  for (const Json& variable : at_path(setting, "variables")) {
    text += " ${" + text_at(variable, "name") + "}";
    if (at_path(variable, "set") != true) text += " (not set)";
  }
  const Json& pending = at_path(setting, "pending");
  if (pending.is_null()) return text;
  const Json& next = at_path(pending, "value");
  return text + "; " + (next.is_null() ? "not set" : plain_text(next)) + " at the next start";
}

const View& setting_view() {
  using Show = Field::Show;
  static const View view{
      "key",
      {{"key", "KEY", "the setting, as messages name it"},
       {"value", "VALUE", "what runs; secrets are masked"},
       {"default", "DEFAULT", "what it would be if nothing said otherwise"},
       {"", "FROM", "file and line, the variables that it names, or the flag; what comes next",
        Show::always, Field::Kind::text, from_text},
       {"origin", "ORIGIN", "default, file, environment or flag", Show::never},
       {"where", "WHERE", "the file with its folder, or the flag", Show::wide},
       {"variables", "VARIABLES", "that the file names, and whether each is set", Show::never},
       {"pending", "PENDING", "another value, which the next start takes", Show::never},
       {"reload", "RELOAD", "whether SIGHUP takes a new value over", Show::wide},
       {"description", "MEANING", "what it is for", Show::wide}},
      "KEY"};
  return view;
}

struct ConfigArgs {
  std::string word;
  bool set = false;
};

// All words are in the key or the value.
bool matches(const Json& setting, const std::string& words) {
  const auto text = to_lower(text_at(setting, "key") + " " + plain_text(at_path(setting, "value")));
  const auto wanted = split(to_lower(words), ' ');
  return std::ranges::all_of(wanted,
                             [&](const auto& word) { return text.find(word) != text.npos; });
}

Outcome list_settings(Session& session, const ConfigArgs& args) {
  auto settings = MESH_TRY(session.mesh->settings());
  std::erase_if(settings, [&](const Json& setting) {
    const bool as_default = is_default(setting) && at_path(setting, "pending").is_null();
    return (args.set && as_default) || !matches(setting, args.word);
  });
  session.out.items(setting_view(), settings);
  return Exit::ok;
}

tl::unexpected<Error> unknown_key(const std::vector<Json>& settings, const std::string& key) {
  std::vector<std::string> keys;
  for (const Json& setting : settings) keys.push_back(text_at(setting, "key"));
  // Its group may be what was left out.
  const auto longer = std::ranges::find_if(
      keys, [&](const std::string& other) { return other.ends_with("." + key); });
  const auto meant =
      longer == keys.end() ? suggestion(keys, key) : "; did you mean \"" + *longer + "\"?";
  return fail(ErrorKind::not_found, "there is no setting \"" + key + "\"" +
                                        (meant.empty() ? "; `mesh config list` has all" : meant));
}

Outcome get_setting(Session& session, const std::string& key) {
  const auto settings = MESH_TRY(session.mesh->settings());
  const auto found = std::ranges::find_if(
      settings, [&](const Json& setting) { return at_path(setting, "key") == key; });
  if (found == settings.end()) return unknown_key(settings, key);
  session.out.record(setting_view(), *found);
  return Exit::ok;
}

}  // namespace

void add_config(Commands& commands) {
  auto& config =
      commands.group("config", "The configuration that a meshd runs with", purpose::kOperate);
  auto args = std::make_shared<ConfigArgs>();
  auto& list = commands.verb(
      config, {.name = "list",
               .summary = "List the settings: value, default, and where each comes from",
               .details = "Of the process that answers. Secrets are masked; of variables only the "
                          "names are told.",
               .examples = "mesh config list --set\nmesh config list http\n"
                           "mesh config list \"retention age\" -o wide\n",
               .tenant = TenantUse::none,
               .view = &setting_view(),
               .run = [args](Session& session) { return list_settings(session, *args); }});
  list.add_option("WORD", args->word, "Only those with it, or each of several, in key or value");
  list.add_flag("--set", args->set, "Only those that are not left to the default");
  auto key = std::make_shared<std::string>();
  commands
      .verb(config, {.name = "get",
                     .summary = "Show a setting, and what it is for",
                     .examples = "mesh config get http.max_body\n"
                                 "mesh config get http.max_body -o json\n",
                     .tenant = TenantUse::none,
                     .view = &setting_view(),
                     .run = [key](Session& session) { return get_setting(session, *key); }})
      .add_option("SETTING", *key, "Its whole name, as http.max_body")
      ->required();
}

}  // namespace mesh::cli
