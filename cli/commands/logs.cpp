#include <algorithm>

#include "cli/commands/verb.h"
#include "common/base/strings.h"

namespace mesh::cli {
namespace {

// As telemetry.log.level names them.
constexpr const char* kLevels = "trace|debug|info|warn|error";

std::string fields_text(const Json& line) {
  std::string text;
  for (const auto& [name, value] : line.items()) {
    if (name == "time" || name == "level" || name == "message") continue;
    text += (text.empty() ? "" : " ") + name + "=" + plain_text(value);
  }
  return text;
}

const View& line_view() {
  using Show = Field::Show;
  static const View view{
      "time",
      {{"time", "TIME", "when it was written", Show::always, Field::Kind::text, time_text},
       {"level", "LEVEL", kLevels},
       {"message", "MESSAGE", "what happened"},
       {"", "FIELDS", "its figures and names; members of their own in -o json", Show::always,
        Field::Kind::text, fields_text}},
      "MESSAGE"};
  return view;
}

struct LogArgs {
  std::string level;
  int limit = 100;
};

// One that is not known is serious enough.
std::ptrdiff_t seriousness(const std::string& level) {
  static const auto levels = split(kLevels, '|');
  return std::ranges::find(levels, level) - levels.begin();
}

Outcome show_lines(Session& session, const LogArgs& args) {
  auto lines = MESH_TRY(session.mesh->log_lines());
  std::erase_if(lines, [&](const Json& line) {
    return !args.level.empty() && seriousness(text_at(line, "level")) < seriousness(args.level);
  });
  if (std::ssize(lines) > args.limit) lines.erase(lines.begin(), lines.end() - args.limit);
  session.out.items(line_view(), lines);
  return Exit::ok;
}

}  // namespace

void add_logs(Commands& commands) {
  auto args = std::make_shared<LogArgs>();
  auto& verb = commands.verb(
      commands.root(),
      {.name = "logs",
       .summary = "The last lines of a meshd's log",
       .details = "Of the process that answers, from its memory: at most 1,000, none of before its "
                  "start. The oldest first.",
       .examples = "mesh logs -n 20\nmesh logs --level warn\nmesh logs -n 1000 -o json\n",
       .tenant = TenantUse::none,
       .view = &line_view(),
       .run = [args](Session& session) { return show_lines(session, *args); }},
      purpose::kOperate);
  verb.add_option("--level", args->level, "Of this level or a more serious one")
      ->check(CLI::IsMember(split(kLevels, '|'), nullptr))
      ->type_name(kLevels);
  verb.add_option("-n,--limit", args->limit, "At most so many, the newest")
      ->type_name("N")
      ->capture_default_str()
      ->check(whole_number(1, 1000));
}

}  // namespace mesh::cli
