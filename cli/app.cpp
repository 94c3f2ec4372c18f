#include "cli/app.h"

#include <algorithm>
#include <exception>

#include "cli/completion/answer.h"
#include "cli/help.h"
#include "cli/render/width.h"
#include "common/base/strings.h"

#ifndef MESH_VERSION
#define MESH_VERSION "0"
#endif

namespace mesh::cli {
namespace {

void add_globals(CLI::App& root, Globals& globals) {
  const auto text = [&root](const char* names, std::optional<std::string>& value, const char* type,
                            const char* help, const char* group) {
    // By function: into an optional CLI11 would put nothing for an empty value, and --tenant= is
    // one, which lifts the tenant of the context.
    root.add_option_function<std::string>(
            names, [&value](const std::string& given) { value = given; }, help)
        ->type_name(type)
        ->group(group)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  };
  constexpr const char* kWhere = "Where and who (flag, then $MESH_…, then context, then default)";
  text("--server", globals.server, "URL", "One address that serves every role; $MESH_SERVER",
       kWhere);
  text("--data-dir", globals.data_dir, "DIR",
       "Data folder of a meshd on this machine: its addresses and operator token; $MESH_DATA_DIR",
       kWhere);
  text("--context", globals.context, "CONTEXT", "Named place of `mesh context`; $MESH_CONTEXT",
       kWhere);
  text("--token", globals.token, "TOKEN",
       "Credential: tenant:user in dev mode, a JWT, or the operator's token; $MESH_TOKEN", kWhere);
  text("-t,--tenant", globals.tenant, "TENANT",
       "Tenant to act for; lists show only what is its own, and where that has no meaning the flag "
       "is refused; --tenant= lifts that of the context; $MESH_TENANT",
       kWhere);
  constexpr const char* kTls = "TLS, where the server's address is https://";
  text("--ca", globals.ca_file, "FILE",
       "Authorities (PEM) that sign the server's certificate, in place of the system's; "
       "$MESH_CA_FILE",
       kTls);
  text("--client-cert", globals.client_cert, "FILE", "Certificate of the client; $MESH_CLIENT_CERT",
       kTls);
  text("--client-key", globals.client_key, "FILE", "Its key; $MESH_CLIENT_KEY", kTls);
  root.add_flag("--insecure-skip-tls-verify", globals.skip_tls_verify,
                "Believe any server: whoever stands between reads all, and the credential")
      ->group(kTls);
  constexpr const char* kOutput = "Output";
  text("-o,--output", globals.output, join(format_names(), "|").c_str(),
       "How to print; wide: exact, nothing cut, name: ids only, help: what the fields mean; "
       "$MESH_OUTPUT",
       kOutput);
  root.add_flag("--no-progress", globals.no_progress, "No progress bar")->group(kOutput);
  root.add_flag("--no-pager", globals.no_pager,
                "Do not show what is longer than the screen by $MESH_PAGER, $PAGER or less")
      ->group(kOutput);
  root.add_flag("-v,--verbose", globals.verbose, "Show each request on stderr")->group(kOutput);
  constexpr const char* kRunning = "Running";
  root.add_flag("-y,--yes", globals.yes, "Do not ask before changing things")->group(kRunning);
  text("--timeout", globals.timeout, "D",
       "At most so long for a request (30s), or for a command that waits (no limit); exit code 7; "
       "$MESH_TIMEOUT",
       kRunning);
}

// The first of the arguments that CLI11 had no use for, which it keeps in another order.
std::string first_extra(const CLI::App& root, const std::vector<std::string>& arguments) {
  const auto extras = root.remaining(true);
  const auto first =
      std::find_first_of(arguments.begin(), arguments.end(), extras.begin(), extras.end());
  return first == arguments.end() ? std::string{} : *first;
}

std::string usage_error(const CLI::ParseError& error, const CLI::App& root, const CLI::App& app,
                        const std::vector<std::string>& arguments) {
  std::string what = error.what();
  // A mistyped word is often why another is missing: it is named first.
  const std::string word = first_extra(root, arguments);
  // `mesh backup DIR` has a command below it, too; a word too many is none of those.
  const auto options = app.get_options();
  const bool group =
      !app.get_subcommands([](const CLI::App*) { return true; }).empty() &&
      std::none_of(options.begin(), options.end(), [](auto* o) { return o->get_positional(); });
  // A lone "-" is stdin, an argument.
  if (word.size() > 1 && word.starts_with('-')) {
    what = unknown_flag(app, word);
  } else if (!word.empty() && group) {
    what = unknown_command(app, word);
  } else if (!word.empty() && dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    what = "\"" + word + "\" is not expected here";
  }
  return "mesh: " + what + "\n  see `" + command_path(app) + " --help`\n";
}

// CLI11 takes "--tenant=" for a flag whose value is the next word; it is the empty value.
std::vector<std::string> with_empty_values(const std::vector<std::string>& arguments) {
  std::vector<std::string> words;
  for (auto at = arguments.begin(); at != arguments.end(); ++at) {
    // Behind it a word that ends with "=" is an argument as it stands.
    if (*at == "--") {
      words.insert(words.end(), at, arguments.end());
      break;
    }
    const bool empty = at->size() > 3 && at->starts_with("--") && at->ends_with('=') &&
                       at->find('=') == at->size() - 1;
    words.push_back(empty ? at->substr(0, at->size() - 1) : *at);
    if (empty) words.emplace_back();
  }
  return words;
}

bool wants_field_help(const Session& session) {
  // By flag and variable alone: a context counts only once settings are resolved.
  if (session.globals.output) return *session.globals.output == "help";
  const char* env = session.surroundings.env("MESH_OUTPUT");
  return env != nullptr && std::string_view(env) == "help";
}

Exit finish(Session& session, const Outcome& outcome) {
  if (outcome) return written(session, *outcome);
  // Data that was printed before the error stands before it where both go to one terminal.
  session.out.flush();
  session.out.notes() << error_text(outcome.error(), session.globals.verbose) << std::flush;
  return exit_code(outcome.error().kind);
}

// Whoever asks for CSV by hand gets it or an error; a setting for all commands is passed over.
Status has_table(const Verb& verb, const CLI::App& app, const Session& session) {
  if (verb.view != nullptr || verb.keeps_output || session.globals.output != "csv") return {};
  return fail(ErrorKind::invalid,
              "`" + command_path(app) + "` prints no table, so -o csv has none");
}

Exit run_verb(const Verb& verb, const CLI::App& app, Session& session) {
  // Slips of the line itself come before a server is asked for anything.
  if (auto used = check_tenant_flag(verb, command_path(app), session.globals); !used) {
    return finish(session, fail(used.error()));
  }
  if (auto table = has_table(verb, app, session); !table) {
    return finish(session, fail(table.error()));
  }
  const Status ready = verb.needs == Needs::server ? session.connect() : session.resolve_locally();
  if (!ready) return finish(session, fail(ready.error()));
  if (session.globals.skip_tls_verify && verb.needs == Needs::server) {
    session.out.note(
        "mesh: whose certificate the server has is not looked at "
        "(--insecure-skip-tls-verify)");
  }
  return finish(session, verb.run(session));
}

}  // namespace

CommandTree::CommandTree(Globals& globals)
    : root("mesh, the operator's tool of the event mesh", "mesh"), commands(root) {
  // 0: `mesh` alone prints the overview; CLI11 would call it an error.
  root.require_subcommand(0, 1)->fallthrough();
  root.set_help_flag("-h,--help", "This help");
  root.set_version_flag("--version", std::string("mesh ") + MESH_VERSION, "The version");
  add_globals(root, globals);
  // The order of the overview and of completion.
  for (const auto add :
       {add_users,          add_search,     add_watch,   add_events,    add_trace,
        add_explain,        add_topics,     add_groups,  add_dlq,       add_index,
        add_model,          add_tasks,      add_members, add_config,    add_logs,
        add_console,        add_backup,     add_migrate, add_deploy,    add_tenants,
        add_verify_receipt, add_types,      add_apply,   add_ratelimit, add_usage,
        add_check,          add_doctor,     add_bundle,  add_bench,     add_context,
        add_token,          add_completion, add_help,    add_version}) {
    add(commands);
  }
}

CLI::App& CommandTree::selected() {
  CLI::App* app = &root;
  for (auto next = app->get_subcommands(); !next.empty(); next = app->get_subcommands())
    app = next.front();
  return *app;
}

std::optional<CommandTree::Ended> CommandTree::parse(const std::vector<std::string>& given) {
  const auto arguments = with_empty_values(given);
  try {
    // CLI11 takes the words of a vector from its end.
    root.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    return Ended{Exit::ok, help_text(commands, selected())};
  } catch (const CLI::CallForVersion& version) {
    return Ended{Exit::ok, std::string(version.what()) + "\n"};
  } catch (const CLI::ParseError& error) {
    return Ended{Exit::usage, usage_error(error, root, selected(), arguments)};
  }
  return std::nullopt;
}

Exit run(const std::vector<std::string>& arguments, Session& session) {
  try {
    // Before the tree parses: what is being completed is mostly not a whole command.
    if (!arguments.empty() && arguments.front() == kCompleteVerb)
      return answer_shell(session, {arguments.begin() + 1, arguments.end()});
    CommandTree tree(session.globals);
    const auto ended = tree.parse(arguments);
    const CLI::App& app = tree.selected();
    const Verb* verb = tree.commands.find(&app);
    // Before what is missing counts: whoever asks for the fields need not name a user.
    if (verb != nullptr && verb->view != nullptr && wants_field_help(session)) {
      session.out.data(view_help(*verb->view));
      return finish(session, Exit::ok);
    }
    if (ended) {
      if (ended->exit == Exit::ok)
        session.out.data(ended->text);
      else
        session.out.notes() << printable_lines(ended->text) << std::flush;
      return finish(session, ended->exit);
    }
    if (verb != nullptr) return run_verb(*verb, app, session);
    if (app.get_parent() == nullptr) {
      session.out.data(help_text(tree.commands, app));
      return finish(session, Exit::ok);
    }
    // A group without a verb did nothing, which a script must not take for success.
    session.out.notes() << help_text(tree.commands, app) << std::flush;
    return Exit::usage;
  } catch (const std::exception& error) {
    session.out.note(std::string("mesh: internal error: ") + error.what());
    return Exit::failure;
  }
}

}  // namespace mesh::cli
