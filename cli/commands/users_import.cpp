#include <atomic>
#include <filesystem>
#include <fstream>

#include "cli/commands/users.h"
#include "cli/import/importer.h"
#include "cli/interrupt.h"
#include "cli/render/number.h"
#include "cli/render/width.h"

namespace mesh::cli {
namespace {

constexpr int kShownFailures = 20;

struct Args {
  std::string file, format, errors;
  ImportOptions options;
};

const View& summary_view() {
  static const View view{
      "created",
      {{"created", "CREATED", "users that are new"},
       {"existing", "EXISTING", "rows whose e-mail address the tenant already had"},
       {"failed", "FAILED", "rows that could not be read or were refused"},
       {"rows", "ROWS", "rows read from the file"}}};
  return view;
}

// Failures: the first ones on stderr, all of them into the file of --errors.
class FailureReport {
 public:
  Status open(const std::string& path) {
    if (path.empty()) return {};
    file_.open(path, std::ios::trunc);
    if (!file_) return fail(ErrorKind::invalid, "cannot write " + path);
    return {};
  }
  void add(Session& session, Progress& progress, const RowFailure& failure) {
    if (file_.is_open()) {
      file_ << dump({{"line", failure.line},
                     {"email", failure.email},
                     {"reason", failure.reason},
                     {"row", failure.text}})
            << '\n';
    }
    if (++count_ > kShownFailures) return;
    progress.clear();
    session.out.note("line " + std::to_string(failure.line) + ": " +
                     (failure.email.empty() ? "" : printable(failure.email) + ": ") +
                     printable(failure.reason));
  }
  Status close(Session& session, const std::string& path) {
    if (count_ > kShownFailures) {
      session.out.note("… and " + with_thousands(count_ - kShownFailures) + " more failed rows" +
                       (path.empty() ? "; --errors FILE writes all of them" : ": see " + path));
    }
    if (!file_.is_open()) return {};
    file_.close();
    if (!file_) return fail(ErrorKind::unavailable, "cannot write all failed rows to " + path);
    return {};
  }

 private:
  std::ofstream file_;
  std::int64_t count_ = 0;
};

Exit exit_of(const ImportResult& result) {
  if (result.stopped) return exit_code(result.stopped->kind);
  if (result.interrupted) return InterruptGuard::exit();
  if (result.counts.failed == 0) return Exit::ok;
  return result.counts.failed == result.counts.rows ? Exit::failure : Exit::partly;
}

// By whatever name: a link, another spelling, stdin out of a file.
bool same_file(const std::string& input, const std::string& output) {
  std::error_code missing;
  return std::filesystem::equivalent(input == "-" ? "/dev/stdin" : input, output, missing);
}

Outcome import_file(Session& session, const Args& args) {
  if (auto ready = need_tenant(session); !ready) return fail(ready.error());
  auto format = args.format.empty()
                    ? row_format_of(args.file)
                    : std::optional(args.format == "csv" ? RowFormat::csv : RowFormat::ndjson);
  if (!format) {
    return fail(ErrorKind::invalid,
                "csv or ndjson? \"" + args.file + "\" does not tell: give --format");
  }
  auto lines = LineReader::open(args.file);
  if (!lines) return fail(lines.error());
  if (!args.errors.empty() && same_file(args.file, args.errors)) {
    return fail(ErrorKind::invalid,
                "--errors " + args.errors + " is the file that is imported: name another one");
  }
  FailureReport report;
  if (auto opened = report.open(args.errors); !opened) return fail(opened.error());
  const auto rows = make_row_reader(*format, *lines);

  const InterruptGuard interrupt;
  Progress progress = session.progress("import");
  ImportHooks hooks;
  hooks.interrupted = InterruptGuard::interrupted;
  hooks.failed = [&](const RowFailure& failure) { report.add(session, progress, failure); };
  // The bytes read are ahead of the rows settled by a few rows: near enough for a bar.
  const std::int64_t size = lines->size();
  std::atomic<std::int64_t> read{0};
  hooks.progressed = [&](const ImportCounts& counts) {
    const double fraction =
        size > 0 ? static_cast<double>(read.load()) / static_cast<double>(size) : -1;
    progress.update(counts.done(), 0, fraction);
  };
  struct Counted final : RowReader {
    RowReader& rows;
    LineReader& lines;
    std::atomic<std::int64_t>& read;
    Counted(RowReader& r, LineReader& l, std::atomic<std::int64_t>& n)
        : rows(r), lines(l), read(n) {}
    Result<std::optional<UserRow>> next() override {
      auto row = rows.next();
      read = lines.bytes_read();
      return row;
    }
  } counted(*rows, *lines, read);
  const auto create = [&](const NewUser& user, const std::string& key) {
    return session.mesh->create_user(user, {key});
  };
  const ImportResult result = import_users(counted, create, args.options, hooks);
  progress.clear();

  const auto& counts = result.counts;
  session.out.row(summary_view(), {{"created", counts.created},
                                   {"existing", counts.existing},
                                   {"failed", counts.failed},
                                   {"rows", counts.rows}});
  if (auto closed = report.close(session, args.errors); !closed) return fail(closed.error());
  if (result.stopped) {
    Error error = *result.stopped;
    error.message = "the import stopped: " + error.message +
                    "; the same command goes on, what was created is not created twice";
    return fail(error);
  }
  if (result.interrupted) {
    session.out.note(
        "interrupted; the same command goes on, what was created is not created twice");
  }
  return exit_of(result);
}

}  // namespace

void add_users_import(Commands& commands, CLI::App& users) {
  auto args = std::make_shared<Args>();
  auto& verb = commands.verb(
      users,
      {.name = "import",
       .summary = "Create users from a CSV or NDJSON file of any size",
       .details = "CSV (RFC 4180) begins with a row that names the columns, email and name among "
                  "them in any "
                  "order; NDJSON is a JSON object with email and name a line. Other columns and "
                  "members are "
                  "ignored.\n"
                  "A row whose e-mail address the tenant already has counts as existing, not as "
                  "failed, so "
                  "that the same file can be imported again; --fail-existing turns that round. "
                  "Rate limits "
                  "are waited for. Exit code 6: some rows failed; 1: all of them.",
       .examples =
           "mesh users import users.csv --tenant acme\n"
           "mesh users import users.ndjson --tenant acme --parallel 16 --errors failed.ndjson\n"
           "mesh users list --tenant acme --all -o json | jq -c '.[]' | mesh users import - "
           "--tenant beta --format ndjson\n",
       .view = &summary_view(),
       .run = [args](Session& session) { return import_file(session, *args); }});
  verb.add_option("FILE", args->file, "The file; - is stdin")->required();
  verb.add_option("--format", args->format,
                  "Needed where the name does not end in .csv, .ndjson or .jsonl")
      ->check(CLI::IsMember({"csv", "ndjson"}))
      ->type_name("csv|ndjson");
  verb.add_option("--parallel", args->options.parallel, "Requests in flight")
      ->check(whole_number(1, 64))
      ->type_name("N")
      ->capture_default_str();
  verb.add_option("--errors", args->errors,
                  "Write every failed row to this file, as NDJSON: its line, e-mail address, "
                  "reason and text")
      ->type_name("FILE");
  verb.add_flag("--fail-existing", args->options.existing_fails, "Rows that exist count as failed");
}

}  // namespace mesh::cli
