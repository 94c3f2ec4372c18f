
#include <cstdio>
#include <fstream>

#include "cli/commands/events.h"
#include "cli/files.h"
#include "cli/interrupt.h"
#include "cli/listed_task.h"
#include "cli/records.h"
#include "cli/render/number.h"
#include "cli/render/width.h"
#include "common/base/ids.h"

namespace mesh::cli {
namespace {

struct ExportArgs {
  std::string topic, from = "start", to = "end", type, file;
};

// stdout, or a file that appears under its name only when it is whole.
class Sink {
 public:
  // Beside it under a name of its own: two that write at once leave one whole file, not a mixed
  // one.
  Sink(Session& session, std::string file)
      : session_(session),
        file_(std::move(file)),
        beside_(file_ + "." + new_uuid_v7(session.clock.now()) + ".part") {}
  ~Sink() {
    if (!file_.empty() && !kept_) std::remove(beside_.c_str());
  }
  Status open() {
    if (file_.empty()) return {};
    stream_.open(beside_, std::ios::trunc | std::ios::binary);
    return stream_ ? Status{} : Status(system_error("write", file_));
  }
  bool write(const std::string& line) {
    if (file_.empty()) {
      session_.out.data(line);
      return session_.out.ok();
    }
    stream_ << line;
    if (!stream_) error_ = errno;
    return stream_.good();
  }
  // Why write() did not.
  tl::unexpected<Error> failure() const { return system_error("write all of", file_, error_); }
  bool to_stdout() const { return file_.empty(); }
  Status close() {
    if (file_.empty()) return {};
    stream_.close();
    if (!stream_ || std::rename(beside_.c_str(), file_.c_str()) != 0) {
      return system_error("write all of", file_);
    }
    kept_ = true;
    return {};
  }

 private:
  Session& session_;
  const std::string file_, beside_;
  std::ofstream stream_;
  int error_ = 0;
  bool kept_ = false;
};

std::int64_t distance(const client::Positions& from, const client::Positions& to) {
  // An upper bound, for the progress bar: compacted offsets and records that the filter leaves out
  // are among them.
  std::int64_t sum = 0;
  for (const auto& [partition, end] : to) {
    const auto begin = from.find(partition);
    if (begin != from.end()) sum += std::max<std::int64_t>(0, end - begin->second);
  }
  return sum;
}

Json export_spec(const Session& session, const ExportArgs& args) {
  Json spec{{"topic", args.topic}, {"from", args.from}, {"to", args.to}};
  if (!session.settings.tenant.empty()) spec["tenant"] = session.settings.tenant;
  if (!args.type.empty()) spec["type"] = args.type;
  if (!args.file.empty()) spec["file"] = printable(args.file);
  return spec;
}

Outcome write_records(Session& session, const TopicRange& range, const std::string& type,
                      Sink& sink, ListedTask& listed) {
  Progress progress = session.progress("export");
  const std::int64_t total = distance(range.from, range.to);
  std::int64_t count = 0;
  bool written = true;
  const auto stopped = [&] { return InterruptGuard::interrupted() || listed.cancelled(); };
  const RecordFilter filter{session.settings.tenant, type, {}};
  auto read = read_ranges(*session.mesh, {range}, filter, [&](Json record) {
    written = sink.write(dump(record) + "\n");
    progress.update(++count, total);
    listed.progressed(count, total, {{"records", count}});
    return written && !stopped();
  });
  progress.clear();
  // Whatever came of the call under way: somebody ended it. Without close() the sink removes what
  // it wrote.
  if (InterruptGuard::interrupted()) {
    session.out.note("interrupted: the export is not whole");
    return InterruptGuard::exit();
  }
  if (listed.cancelled()) {
    session.out.note("its task was cancelled: the export is not whole");
    return Exit::failure;
  }
  if (!read) return fail(read.error());
  if (!written && sink.to_stdout()) return Exit::ok;  // a reader that has gone, or app.cpp says so
  if (!written) return sink.failure();
  // Before close(): a slip in the tenant's name must not leave an empty file that looks like an
  // answer.
  if (count == 0) MESH_TRY(tenant_exists(*session.mesh, filter));
  MESH_TRY(sink.close());
  session.out.note(with_thousands(count) + " records");
  return Exit::ok;
}

Outcome export_records(Session& session, const ExportArgs& args) {
  // Only where CSV was asked for by hand; as the setting for all commands it is passed over.
  if (session.globals.output == "csv") {
    return fail(ErrorKind::invalid,
                "an export is NDJSON; `mesh events tail --topic " + args.topic +
                    " --from start --no-follow -o csv` prints the same records as CSV");
  }
  // Where the topic ends now is the end of the export: it comes to one however fast events arrive.
  auto range = MESH_TRY(whole_topic(*session.mesh, args.topic));
  auto from = MESH_TRY(resolve_bound(*session.mesh, range, args.from));
  auto to = MESH_TRY(resolve_bound(*session.mesh, range, args.to));
  range.from = std::move(from);
  range.to = std::move(to);
  Sink sink(session, args.file == "-" ? "" : args.file);
  MESH_TRY(sink.open());

  const InterruptGuard interrupt;
  ListedTask listed(session, "export", export_spec(session, args));
  const Outcome outcome = write_records(session, range, args.type, sink, listed);
  if (!outcome) {
    listed.end(ListedTask::End::failed, outcome.error().message);
  } else {
    listed.end(*outcome == Exit::ok ? ListedTask::End::done : ListedTask::End::cancelled);
  }
  return outcome;
}

}  // namespace

void add_events_export(Commands& commands, CLI::App& events) {
  auto args = std::make_shared<ExportArgs>();
  auto& verb = commands.verb(
      events,
      {.name = "export",
       .summary = "Write the records of a topic as NDJSON",
       .details =
           "A record a line, as `mesh events publish` takes them back. Those of user.events, "
           "tenant.events and task.events only the mesh makes: they tell what happened, and "
           "cannot be published again. With --tenant only that tenant's. "
           "A file appears under its name when it is whole.",
       .examples =
           "mesh events export --topic user.events -O users.ndjson\n"
           "mesh events export --topic analytics.events --from @-1h --tenant acme\n"
           "mesh events export --topic user.events --type user.created --from start --to @-1d\n",
       .tenant = TenantUse::restricts,
       .view = &record_view(),
       .run = [args](Session& session) { return export_records(session, *args); }});
  verb.add_option("--topic", args->topic, "The topic")->type_name("TOPIC")->required();
  verb.add_option("--from", args->from, "start, end, an offset, @TIME (RFC 3339) or @-DURATION")
      ->type_name("BOUND")
      ->capture_default_str();
  verb.add_option("--to", args->to, "Likewise; the bound itself is left out")
      ->type_name("BOUND")
      ->capture_default_str();
  verb.add_option("--type", args->type, "Only events of this type")->type_name("TYPE");
  verb.add_option("-O,--file", args->file, "Write there in place of stdout")->type_name("FILE");
}

}  // namespace mesh::cli
