#include "cli/commands/verb.h"
#include "cli/program.h"

namespace mesh::cli {
namespace {

const View& console_view() {
  static const View view{"url",
                         {{"url", "URL", "where a browser begins a session, once"},
                          {"expires_in", "SECONDS", "how long it is good for", Field::Show::wide}}};
  return view;
}

struct ConsoleArgs {
  bool read_only = false, hides_payloads = false, no_open = false;
};

// What shows a page on this machine; empty: there is no screen for it, as over ssh.
std::string browser_of(const Surroundings& surroundings) {
  if (const char* browser = surroundings.env("BROWSER"); browser && *browser) return browser;
  const bool screen = surroundings.env("DISPLAY") || surroundings.env("WAYLAND_DISPLAY");
  return screen && has_program("xdg-open") ? "xdg-open" : "";
}

Outcome open_console(Session& session, const ConsoleArgs& args) {
  const auto code = MESH_TRY(session.mesh->console_code(args.read_only, args.hides_payloads));
  session.out.record(console_view(), code);
  const auto browser = args.no_open ? std::string() : browser_of(session.surroundings);
  if (browser.empty()) return Exit::ok;
  if (!succeeds({browser, code.at("url").get<std::string>()})) {
    session.out.note(browser + " did not open the page; open the URL by hand");
  }
  return Exit::ok;
}

}  // namespace

void add_console(Commands& commands) {
  const auto args = std::make_shared<ConsoleArgs>();
  auto& verb = commands.verb(
      commands.root(),
      {.name = "console",
       .summary = "Open the web console, signed in",
       .details =
           "Prints an URL that begins a session in a browser, once, within a minute; and shows it "
           "by $BROWSER or xdg-open where there is a screen. Whoever has it is the operator: "
           "restrict what you hand to others.",
       .examples = "mesh console\n"
                   "mesh console --read-only --hide-payloads --no-open\n",
       .tenant = TenantUse::none,
       .view = &console_view(),
       .run = [args](Session& session) { return open_console(session, *args); }},
      purpose::kOperate);
  verb.add_flag("--read-only", args->read_only, "The session changes nothing");
  verb.add_flag("--hide-payloads", args->hides_payloads,
                "It shows nothing of what events and users hold");
  verb.add_flag("--no-open", args->no_open, "Print the URL alone");
}

}  // namespace mesh::cli
