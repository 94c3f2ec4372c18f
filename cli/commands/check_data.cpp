#include "cli/commands/check_data.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "cli/commands/verb.h"
#include "cli/render/width.h"
#include "cli/run_meshd.h"
#include "common/base/fd.h"

namespace mesh::cli {
namespace {

constexpr int kUnknown = 3;

const View& damage_view() {
  static const View view{"place",
                         {{"file", "FILE", "the file, in the data folder"},
                          {"place", "PLACE", "what is damaged in it"},
                          {"what", "DAMAGE", "what is wrong there"},
                          {"tenants", "TENANTS", "whose it is, as far as the bytes tell"},
                          {"loss", "A REPAIR LOSES", "what would be gone for good"}}};
  return view;
}

// What meshd found.
Result<Json> ask(const std::string& data_dir, const char* what) {
  auto ran = run_meshd({"--data-dir", data_dir, what});
  if (!ran) {
    Error error = ran.error();
    error.message = "meshd could not look at " + data_dir + ": " + error.message;
    return fail(std::move(error));
  }
  return std::move(ran->report);
}

void show(Session& session, const Json& report) {
  // The report as meshd gave it: who reads it by program needs its nesting, files and their
  // damages.
  const Format format = session.out.format();
  if (format == Format::json || format == Format::yaml) {
    return session.out.row(damage_view(), report);
  }
  std::vector<Json> rows;
  for (const Json& file : at_path(report, "files")) {
    // Rows and CSV have no nesting: each damage names its file.
    for (Json damage : at_path(file, "damages")) {
      damage["file"] = at_path(file, "file");
      rows.push_back(std::move(damage));
    }
  }
  if (!session.out.for_people()) return session.out.items(damage_view(), rows);
  // No table: none of this may be cut to the terminal's width.
  for (const Json& damage : rows) {
    const auto text = [&](const char* name) {
      return printable(plain_text(at_path(damage, name)));
    };
    session.out.data(text("file") + ": " + text("place") + ": " + text("what") +
                     "\n    a repair loses " + text("loss") + "\n");
  }
}

int state_of(const Json& report) {
  if (at_path(report, "state") == "ok") return 0;
  for (const Json& file : at_path(report, "files")) {
    // One file whose repair loses something is enough: the yes to a repair is for all files.
    if (at_path(file, "loses") == true) return 2;
  }
  return 1;
}

}  // namespace

bool in_use(const std::string& data_dir) {
  // A shared lock, given back at once: two that look do not take each other for a meshd, and a
  // meshd that starts in this instant tries again (sqlite/core/directory_lock.cpp).
  const Fd lock(::open((data_dir + "/LOCK").c_str(), O_RDONLY | O_CLOEXEC));
  return lock && ::flock(lock.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

std::string holder(const std::string& data_dir) {
  std::ifstream lock(data_dir + "/LOCK");
  // meshd writes its pid there for this message alone; what counts is the lock.
  std::int64_t pid = 0;
  return lock >> pid ? "process " + std::to_string(pid) : "another process";
}

Outcome unknown(Session& session, const std::string& why) {
  if (!session.out.for_people()) {
    session.out.row(
        check_view(),
        {{"state", "UNKNOWN"}, {"problems", Json::array({why})}, {"measured", Json::object()}});
  } else {
    session.out.data("UNKNOWN - " + printable(why) + "\n");
  }
  return static_cast<Exit>(kUnknown);
}

Outcome check_data(Session& session, const std::string& data_dir, bool repair) {
  auto report = ask(data_dir, "--check-data");
  if (!report) return unknown(session, report.error().message);
  const int state = state_of(*report);
  static constexpr const char* kWords[] = {
      "OK - no meshd runs here; its files are whole",
      "WARNING - files are damaged, and a repair loses nothing",
      "CRITICAL - files are damaged or missing"};
  const bool table = session.out.for_people();
  // A clean stop removes run.json; who watches a meshd must hear that it is gone.
  const bool crashed = state == 0 && std::filesystem::exists(data_dir + "/run.json");
  if (table) {
    session.out.data(
        std::string(
            crashed
                ? "CRITICAL - meshd ended without a clean stop: start it again; its files are whole"
                : kWords[state]) +
        "\n");
  }
  show(session, *report);
  if (state == 0) return static_cast<Exit>(crashed ? 2 : 0);
  if (!repair) {
    session.out.note("`mesh check --data-dir " + printable(data_dir) +
                     " --repair` repairs them and keeps the damaged ones aside");
    return static_cast<Exit>(state);
  }
  MESH_TRY(confirm(session, "Repair, and lose what is listed above?"));
  // meshd looks anew, under the LOCK: what was shown above may no longer be what is there.
  report = ask(data_dir, "--repair-data");
  if (!report) return unknown(session, report.error().message);
  session.out.note(printable(plain_text(at_path(*report, "done"))));
  return Exit::ok;
}

}  // namespace mesh::cli
