#include "cli/commands/wait_options.h"

#include "cli/commands/verb.h"
#include "common/base/strings.h"
#include "common/base/time.h"

namespace mesh::cli {
namespace {

constexpr const char* kDefaultWait = "10s";

}  // namespace

void add_wait(CLI::App& verb, std::string& wait, const std::string& what) {
  // As a flag, which takes a value by = alone: `--wait 7` would else take the 7 of an argument.
  verb.add_flag(std::string("--wait{") + kDefaultWait + "}", wait,
                "Wait until " + what + ", at most so long (" + kDefaultWait + ")")
      ->type_name("[=DURATION]");
}

void add_wait(CLI::App& verb, WaitOptions& options, const std::string& what,
              std::span<const char* const> acks) {
  const std::vector<std::string> words(acks.begin(), acks.end());
  add_wait(verb, options.wait, what);
  verb.add_option("--ack", options.ack,
                  "What to wait for, if not for the most: " + join(words, ", "))
      ->check(CLI::IsMember(words))
      ->type_name(join(words, "|"));
}

Result<std::optional<std::int64_t>> wait_seconds(const std::string& wait) {
  if (wait.empty()) return std::nullopt;
  const auto duration = parse_duration(wait);
  if (!duration) {
    return fail(ErrorKind::invalid, "--wait: \"" + wait + "\" is not a duration such as 10s or 1m");
  }
  // The API takes whole seconds; rounded up, so that nobody waits for less than was asked.
  return std::chrono::ceil<std::chrono::seconds>(*duration).count();
}

Status set_wait(client::WriteOptions& write, const WaitOptions& options) {
  // --ack alone waits as well, for the default time: else it would say nothing.
  const bool waits = !options.wait.empty() || !options.ack.empty();
  auto seconds =
      MESH_TRY(wait_seconds(waits && options.wait.empty() ? kDefaultWait : options.wait));
  write.wait_seconds = seconds;
  write.ack = options.ack;
  return {};
}

Exit seen(Session& session, const client::Written& written) {
  // Never a failure: the write is durable, and a script that repeats it would write twice.
  if (written.pending.empty()) return Exit::ok;
  const bool log = written.pending == "log";
  session.out.note("durable, but not " + (log ? "in the log" : written.pending) + " after " +
                   format_duration(std::chrono::seconds{written.waited}));
  return Exit::timed_out;
}

Json with_position(Json row, const client::Written& written) {
  row["position"] = written.position;
  return row;
}

Field position_field() {
  return {"position", "POSITION", "what `mesh search --min-position` takes to see this write",
          Field::Show::wide};
}

}  // namespace mesh::cli
