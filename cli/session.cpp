#include "cli/session.h"

#include <mutex>

#include "cli/pager.h"
#include "cli/render/width.h"
#include "common/base/strings.h"

#ifndef MESH_VERSION
#define MESH_VERSION "0"
#endif

namespace mesh::cli {

Session::Session(Surroundings around, std::istream& input, std::ostream& data, std::ostream& notes,
                 Terminal terminal, Clock& time)
    : surroundings(std::move(around)), in(input), clock(time), out(data, notes, terminal, time) {}

void Session::set_up_output() {
  out.set_format(settings.format);
  if (!globals.no_pager) out.set_pager(pager_command(surroundings.env));
}

Status Session::connect(std::optional<SteadyTime> deadline) {
  const auto file = MESH_TRY(load_contexts(context_file_path(surroundings.env)));
  settings = MESH_TRY(resolve(globals, file, surroundings));
  set_up_output();
  client::Options options = client_options(settings);
  options.user_agent = "mesh/" MESH_VERSION;
  options.deadline = deadline;
  if (globals.verbose) {
    options.observe = [this, one_by_one =
                                 std::make_shared<std::mutex>()](const client::Exchange& exchange) {
      const std::lock_guard lock(*one_by_one);
      out.note("> " + exchange.method + " " + exchange.url + "  " +
               (exchange.status == 0 ? "no answer" : std::to_string(exchange.status)) + "  " +
               std::to_string(exchange.took.count()) + " ms  " + exchange.request_id);
    };
  }
  mesh = std::make_unique<client::Client>(std::move(options));
  return {};
}

Status Session::resolve_locally() {
  Globals local;
  // Nothing that names a server or a context: a typo there must not keep anybody from `mesh context
  // add` or `mesh help`.
  local.output = globals.output;
  local.timeout = globals.timeout;
  local.tenant = globals.tenant;
  Surroundings around = surroundings;
  around.local_data_dirs.clear();
  around.env = [this](const char* name) -> const char* {
    const std::string_view text = name;
    return text == "MESH_OUTPUT" || text == "MESH_TENANT" ? surroundings.env(name) : nullptr;
  };
  settings = MESH_TRY(resolve(local, {}, around));
  set_up_output();
  return {};
}

bool Session::terminal_progress() const {
  // --verbose writes lines to stderr, which a bar would break.
  return out.terminal().err && !globals.no_progress && !globals.verbose &&
         surroundings.env("MESH_NO_PROGRESS") == nullptr;
}

Progress Session::progress(std::string label) {
  return Progress(out.notes(), terminal_progress(), out.terminal().err_width, std::move(label),
                  clock);
}

Status need_tenant(const Session& session) {
  const auto& settings = session.settings;
  if (!settings.tenant.empty() || is_tenant_token(settings.token)) return {};
  return fail(ErrorKind::invalid,
              "which tenant? give --tenant T, $MESH_TENANT or a tenant's --token");
}

Exit written(Session& session, Exit exit) {
  session.out.flush();
  if (session.out.ok() || reader_has_gone()) return exit;
  session.out.note("mesh: not everything could be written to the output");
  return Exit::failure;
}

Status confirm(Session& session, const std::string& question) {
  if (session.globals.yes) return {};
  const Terminal& terminal = session.out.terminal();
  // The question goes to stderr, so that stdout stays data: where either is no terminal, nobody
  // would see it or answer.
  if (!terminal.in || !terminal.err) {
    return fail(ErrorKind::invalid, "this needs a yes and there is no terminal to ask on: " +
                                        question + " Give --yes to go on.");
  }
  session.out.notes() << printable_lines(question) << " [y/N] " << std::flush;
  std::string answer;
  // The end of the input is no yes.
  std::getline(session.in, answer);
  answer = to_lower(trim(answer));
  if (answer == "y" || answer == "yes") return {};
  return fail(ErrorKind::cancelled, "nothing was done");
}

}  // namespace mesh::cli
