#include "cli/bundle/parts.h"
#include "cli/commands/verb.h"
#include "common/base/time.h"

namespace mesh::cli {
namespace {

struct BundleArgs {
  std::string file;
  BundleOptions options;
};

const char* state_text(BundlePart::State state) {
  switch (state) {
    case BundlePart::State::taken:
      return "taken";
    case BundlePart::State::absent:
      return "absent";
    case BundlePart::State::failed:
      break;
  }
  return "failed";
}

const View& bundle_view() {
  static const View view{
      "file",
      {{"file", "FILE", "the bundle"},
       {"taken", "TAKEN", "parts that are in it", Field::Show::always, Field::Kind::count},
       {"absent", "ABSENT", "parts that there are none of here", Field::Show::always,
        Field::Kind::count},
       {"failed", "FAILED", "parts that could not be had", Field::Show::always, Field::Kind::count},
       {"parts", "PARTS", "each part: name, state, reason, files (also in manifest.json)",
        Field::Show::never, Field::Kind::json}}};
  return view;
}

// 20261129T221500Z
std::string stamp_of(Timestamp time) {
  std::string text = format_rfc3339(time).substr(0, 19);
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text + "Z";
}

Json manifest_of(const std::vector<BundlePart>& parts) {
  Json all = Json::array();
  for (const auto& part : parts) {
    Json files = Json::array();
    for (const auto& file : part.files)
      files.push_back({{"name", file.name}, {"bytes", file.text.size()}});
    all.push_back({{"name", part.name},
                   {"state", state_text(part.state)},
                   {"reason", part.reason},
                   {"files", std::move(files)}});
  }
  return all;
}

Outcome bundle(Session& session, BundleArgs args) {
  const auto now = session.clock.now();
  const std::string folder = "mesh-bundle-" + stamp_of(now);
  if (args.file.empty()) args.file = folder + ".zip";
  Progress progress = session.progress("bundle");
  std::int64_t done = 0;
  auto parts =
      collect_parts(session, args.options, [&](const std::string&) { progress.update(done++, 0); });
  progress.clear();
  Json listed = manifest_of(parts);
  std::vector<ArchivedFile> files;
  files.push_back({folder + "/manifest.json", dump({{"made_at", format_rfc3339(now)},
                                                    {"tenants_named", args.options.tenants},
                                                    {"parts", listed}},
                                                   2) +
                                                  "\n"});
  std::map<BundlePart::State, int> counts;
  for (auto& part : parts) {
    ++counts[part.state];
    for (auto& file : part.files) files.push_back({folder + "/" + file.name, std::move(file.text)});
  }
  MESH_TRY(write_archive(args.file, files, now));
  for (const auto& part : parts) {
    if (part.state == BundlePart::State::taken) continue;
    session.out.note(std::string(part.state == BundlePart::State::failed ? "failed" : "absent") +
                     ": " + part.name + ": " + part.reason);
  }
  session.out.row(bundle_view(), {{"file", args.file},
                                  {"taken", counts[BundlePart::State::taken]},
                                  {"absent", counts[BundlePart::State::absent]},
                                  {"failed", counts[BundlePart::State::failed]},
                                  {"parts", std::move(listed)}});
  return counts[BundlePart::State::failed] > 0 ? Exit::partly : Exit::ok;
}

}  // namespace

void add_bundle(Commands& commands) {
  auto args = std::make_shared<BundleArgs>();
  auto& verb = commands.verb(
      commands.root(),
      {.name = "bundle",
       .summary = "Collect for support what tells the state of a mesh",
       .details =
           "Versions, configuration, readiness, checks, the servers behind, metrics, the last log "
           "lines, topics, groups and their lag, dead letters by cause, tasks, members, indexes, "
           "tenants' use; of a meshd on this machine its threads and its lines of the journal. No "
           "secrets, no payloads. Tenants have pseudonyms where a field names them; the text of "
           "log "
           "messages stays as it is. "
           "manifest.json says what is in it, and why a part is not. Exit code 6 where a part "
           "could "
           "not be had. The file is readable by its owner alone; one that is there stays.",
       .examples = "mesh bundle\nmesh bundle /tmp/mesh-bundle.zip --data-dir /var/lib/mesh "
                   "--stacks\nmesh bundle --tenants -o json\n",
       .tenant = TenantUse::none,
       .view = &bundle_view(),
       .run = [args](Session& session) { return bundle(session, *args); }},
      purpose::kHealth);
  verb.add_option("FILE", args->file, "The file to make (mesh-bundle-TIME.zip)");
  verb.add_flag("--tenants", args->options.tenants, "Tenants by their names");
  verb.add_flag(
      "--stacks", args->options.stacks,
      "Stacks of a meshd on this machine by eu-stack or gdb, which holds it up for a moment");
}

}  // namespace mesh::cli
