#include "cli/commands/deploy/steps.h"

#include <filesystem>

#include "cli/files.h"
#include "cli/interrupt.h"
#include "common/base/strings.h"
#include "common/base/time.h"

namespace mesh::cli::deploy {

Status Steps::begin(const std::string& verb, const Json& inputs, bool restart) {
  const std::string known = sha256_hex(dump(inputs));
  const auto text = read_file(place_.file("steps.json"), 1 << 20);
  if (!text && text.error().kind != ErrorKind::not_found) return fail(text.error());
  const auto before = text ? parse_json(*text) : Result<Json>(Json::object());
  // One that cannot be read is one that is begun anew: every step may be done twice.
  const bool same = before && text_at(*before, "verb") == verb &&
                    text_at(*before, "inputs") == known && at_path(*before, "ended") == Json(false);
  if (same && !restart) {
    state_ = *before;
    return {};
  }
  state_ = {{"verb", verb}, {"inputs", known}, {"ended", false}, {"steps", Json::object()}};
  return {};
}

bool Steps::is_done(const std::string& name) const {
  return text_at(state_, "steps." + name + ".state") == "done";
}

Status Steps::run(const std::string& name, const std::string& title, const Work& work) {
  if (is_done(name)) {
    session_.out.note(title + ": done at " + text_at(state_, "steps." + name + ".at") +
                      " (--restart does it again)");
    return {};
  }
  Step step{.log = place_.log(name)};
  const auto begin = session_.clock.steady();
  session_.out.note(title + " …");
  const Status worked = work(step);
  const auto took = std::chrono::duration_cast<Duration>(session_.clock.steady() - begin);
  state_["steps"][name] = {{"state", worked ? "done" : "failed"},
                           {"at", format_rfc3339(session_.clock.now())},
                           {"log", step.log}};
  MESH_TRY(save());
  if (!worked) {
    Error error = worked.error();
    error.message = title + ": " + error.message;
    std::error_code none;
    if (std::filesystem::exists(step.log, none)) error.message += "\n  log: " + step.log;
    // A wrong argument or a no needs another call, not the same one again.
    const bool refused = error.kind == ErrorKind::invalid || error.kind == ErrorKind::cancelled;
    if (!refused || InterruptGuard::interrupted())
      error.message += "\n  the same command goes on with this step";
    return fail(std::move(error));
  }
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(took);
  session_.out.note("  " + (step.done.empty() ? "done" : step.done) + " (" +
                    format_duration(Duration(seconds)) + ")");
  return {};
}

Status Steps::end() {
  state_["ended"] = true;
  return save();
}

Status Steps::save() const {
  return write_private_file(place_.file("steps.json"), dump(state_, 2) + "\n");
}

}  // namespace mesh::cli::deploy
