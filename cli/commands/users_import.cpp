#include <cmath>
#include <filesystem>
#include <fstream>

#include "cli/commands/users.h"
#include "cli/commands/wait_options.h"
#include "cli/import/importer.h"
#include "cli/interrupt.h"
#include "cli/listed_task.h"
#include "cli/render/number.h"
#include "cli/render/width.h"
#include "common/base/ids.h"
#include "common/base/strings.h"

namespace mesh::cli {
namespace {

constexpr int kShownFailures = 20;

struct ImportArgs {
  std::string file, format, delimiter, encoding, errors;
  RowOptions rows;
  ImportOptions import;
  WaitOptions wait;
};

const View& summary_view() {
  static const View view{
      "created",
      {{"created", "CREATED", "users that are new", Field::Show::always, Field::Kind::count},
       {"updated", "UPDATED", "users that have another name now (--update)", Field::Show::always,
        Field::Kind::count},
       {"existing", "EXISTING", "rows whose e-mail address the tenant already had",
        Field::Show::always, Field::Kind::count},
       {"failed", "FAILED", "rows that could not be read or were refused", Field::Show::always,
        Field::Kind::count},
       {"rows", "ROWS", "rows read from the file", Field::Show::always, Field::Kind::count},
       position_field()}};
  return view;
}

// Failures: the first ones on stderr, all of them into the file of --errors.
class FailureReport {
 public:
  Status open(const std::string& path) {
    if (path.empty()) return {};
    file_.open(path, std::ios::trunc | std::ios::binary);
    if (!file_) return fail(ErrorKind::invalid, "cannot write " + path);
    return {};
  }
  void add(Session& session, Progress& progress, const RowReader& rows, const UserRow& row,
           const std::string& reason) {
    if (file_.is_open()) {
      // With the first failed row, since the columns are known only once rows are read. Where none
      // fails the file stays empty.
      if (count_ == 0) file_ << rows.failures_header();
      file_ << rows.failed_row(row, reason);
    }
    if (++count_ > kShownFailures) return;
    progress.clear();
    const auto* user = std::get_if<NewUser>(&row.content);
    session.out.note("line " + std::to_string(row.line) + ": " +
                     (user == nullptr ? "" : printable(user->email) + ": ") + printable(reason));
  }
  Status close(Session& session, const std::string& path) {
    if (count_ > kShownFailures) {
      session.out.note("… and " + with_thousands(count_ - kShownFailures) + " more failed rows" +
                       (path.empty() ? "; --errors FILE writes all of them" : ": see " + path));
    } else if (count_ > 0 && !path.empty()) {
      session.out.note("mend them in " + path + " and import it");
    }
    if (!file_.is_open()) return {};
    file_.close();
    if (!file_) return fail(ErrorKind::internal, "cannot write all failed rows to " + path);
    return {};
  }

 private:
  std::ofstream file_;
  std::int64_t count_ = 0;
};

Exit exit_of(const ImportResult& result, Exit seen) {
  // The graver first: a stopped import has also failed rows, and an interrupted one may have.
  if (result.stopped) return exit_code(result.stopped->kind);
  if (result.interrupted) {
    return InterruptGuard::interrupted() ? InterruptGuard::exit() : Exit::failure;
  }
  if (result.counts.failed == 0) return seen;
  return result.counts.failed == result.counts.rows ? Exit::failure : Exit::partly;
}

// By whatever name: a link, another spelling, stdin out of a file.
bool same_file(const std::string& input, const std::string& output) {
  std::error_code missing;
  return std::filesystem::equivalent(input == "-" ? "/dev/stdin" : input, output, missing);
}

// A character, or the name of one that is hard to type.
Result<std::optional<char>> delimiter_of(const std::string& text) {
  if (text.empty()) return std::nullopt;
  for (const auto& [name, c] :
       {std::pair{"tab", '\t'}, {"\\t", '\t'}, {"comma", ','}, {"semicolon", ';'}, {"pipe", '|'}}) {
    if (text == name) return c;
  }
  if (text.size() == 1 && text != "\"" && text != "\n" && text != "\r") return text.front();
  return fail(ErrorKind::invalid,
              "--delimiter must be one ASCII character that is no quote, or tab, comma, semicolon "
              "or pipe");
}

std::optional<RowFormat> format_of(const std::string& name) {
  if (name.empty()) return std::nullopt;
  return name == "csv" ? RowFormat::csv : RowFormat::json;
}

double fraction_of(const TextInput& input) {
  if (input.size() <= 0) return -1;
  return static_cast<double>(input.bytes_read()) / static_cast<double>(input.size());
}

Json import_spec(const Session& session, const ImportArgs& args) {
  Json spec{{"file", printable(args.file)}};
  if (!session.settings.tenant.empty()) spec["tenant"] = session.settings.tenant;
  return spec;
}

// What it came to so far, in the list of tasks.
void show_progress(ListedTask& listed, const ImportCounts& counts, double fraction) {
  const auto done = static_cast<double>(counts.done());
  listed.progressed(counts.done(),
                    fraction > 0 ? static_cast<std::int64_t>(std::llround(done / fraction)) : 0,
                    {{"created", counts.created},
                     {"updated", counts.updated},
                     {"existing", counts.existing},
                     {"failed", counts.failed}});
}

void end_listed(ListedTask& listed, const ImportResult& result) {
  if (result.stopped) return listed.end(ListedTask::End::failed, result.stopped->message);
  listed.end(result.interrupted ? ListedTask::End::cancelled : ListedTask::End::done);
}

// How far an import came that ended before its file did.
std::string reached_text(const ImportResult& result) {
  std::string text = with_thousands(result.counts.done()) + " rows are done";
  if (!result.first_undone) return text;
  text += "; line " + std::to_string(*result.first_undone) + " is the first that is not";
  return result.unanswered ? text + ", though the server may have it" : text;
}

Outcome import_file(Session& session, ImportArgs args) {
  MESH_TRY(need_tenant(session));
  args.rows.delimiter = MESH_TRY(delimiter_of(args.delimiter));
  args.rows.format = format_of(args.format);
  args.import.run = new_uuid_v7(session.clock.now());
  auto lines = MESH_TRY(LineReader::open(args.file, args.encoding));
  // Before --errors is opened, which empties the file.
  if (!args.errors.empty() && same_file(args.file, args.errors)) {
    return fail(ErrorKind::invalid,
                "--errors " + args.errors + " is the file that is imported: name another one");
  }
  auto made = MESH_TRY(make_row_reader(lines, args.rows));
  RowReader& rows = *made;
  client::WriteOptions write;
  MESH_TRY(set_wait(write, args.wait));
  FailureReport report;
  MESH_TRY(report.open(args.errors));

  const InterruptGuard interrupt;
  const bool dry_run = args.import.batch.dry_run;
  std::optional<ListedTask> listed;  // what changes nothing is no task
  if (!dry_run) listed.emplace(session, "import", import_spec(session, args));
  Progress progress = session.progress("import");
  ImportHooks hooks;
  hooks.interrupted = [&] {
    return InterruptGuard::interrupted() || (listed && listed->cancelled());
  };
  // A pipe that nobody writes to is no reason to go on waiting.
  lines.end_when(hooks.interrupted);
  hooks.failed = [&](const UserRow& row, const std::string& reason) {
    report.add(session, progress, rows, row, reason);
  };
  hooks.progressed = [&](const ImportCounts& counts) {
    const double fraction = fraction_of(lines.input());
    progress.update(counts.done(), 0, fraction);
    if (listed) show_progress(*listed, counts, fraction);
  };
  client::Written last;
  const auto create = [&](const std::vector<NewUser>& users,
                          const std::string& key) -> Result<std::vector<client::BatchResult>> {
    write.idempotency_key = key;
    auto created = MESH_TRY(session.mesh->create_users(users, args.import.batch, write));
    // A batch that was seen is behind those before it; one that wrote nothing saw nothing.
    if (created.written.position != "~") last = std::move(created.written);
    return std::move(created.results);
  };
  const ImportResult result = import_users(rows, create, args.import, hooks);
  progress.clear();
  if (listed) end_listed(*listed, result);

  const auto& counts = result.counts;
  // A file whose first row cannot be read has nothing to count: its error says it all.
  if (counts.rows > 0 || !result.stopped) {
    session.out.row(summary_view(), {{"created", counts.created},
                                     {"updated", counts.updated},
                                     {"existing", counts.existing},
                                     {"failed", counts.failed},
                                     {"rows", counts.rows},
                                     {"position", last.position}});
  }
  MESH_TRY(report.close(session, args.errors));
  if (dry_run) {
    session.out.note(printable(rows.recognized()));
    session.out.note("a dry run: nothing was changed");
  }
  const char* again =
      dry_run ? "" : "; the same command goes on, what was created is not created twice";
  if (result.stopped) {
    Error error = *result.stopped;
    if (counts.rows > 0) {
      const bool of_input = error.kind == ErrorKind::invalid;  // which the same command meets again
      error.message = "the import stopped: " + error.message + "; " + reached_text(result) +
                      (of_input ? "" : again);
    }
    return fail(error);
  }
  if (result.interrupted) {
    session.out.note(
        (InterruptGuard::interrupted() ? "interrupted: " : "its task was cancelled: ") +
        reached_text(result) + again);
  }
  return exit_of(result, seen(session, last));
}

}  // namespace

void add_users_import(Commands& commands, CLI::App& users) {
  auto args = std::make_shared<ImportArgs>();
  auto& verb = commands.verb(
      users,
      {.name = "import",
       .summary = "Create users from a CSV or JSON file of any size",
       .details =
           "CSV (RFC 4180) begins with a row that names the columns; JSON is an array of objects, "
           "or objects one behind another, a line each or pretty-printed. The columns or members "
           "of the address and the name are found by the names that exports of identity tools "
           "give them (\"E-Mail-Adresse\", \"userPrincipalName\", \"profile.email\", first and "
           "last "
           "name), or named by --email-column and --name-column. Others are passed over. "
           "Separator (, ; tab |) and UTF-8 or UTF-16 are recognized; --dry-run says what was.\n"
           "A row whose e-mail address the tenant already has counts as existing, not as failed, "
           "so that the same file can be imported again; --update gives the user the row's name, "
           "--fail-existing counts it as failed. Ids follow the order of the rows. Rate limits are "
           "waited for. Exit code 6: some rows failed; 1: all of them; 7: all is durable, but was "
           "not seen within --wait.",
       .examples =
           "mesh users import users.csv --tenant acme --dry-run\n"
           "mesh users import users.csv --tenant acme --errors failed.csv\n"
           "mesh users import users.csv --tenant acme --wait=1m\n"
           "mesh users import kunden.csv --tenant acme --encoding windows-1252 --update\n"
           "mesh users import staff.csv -t acme --email-column Mailbox --name-column Given "
           "--name-column Family\n"
           "mesh users list --tenant acme --all -o json | mesh users import - --tenant beta\n",
       .tenant = TenantUse::acts,
       .view = &summary_view(),
       .run = [args](Session& session) { return import_file(session, *args); }});
  verb.add_option("FILE", args->file, "The file; - is stdin")->required();
  verb.add_flag("--dry-run", args->import.batch.dry_run,
                "Say what would become of the rows; change nothing");
  auto* update = verb.add_flag("--update", args->import.batch.update,
                               "Users that exist take the name of their row");
  verb.add_flag("--fail-existing", args->import.existing_fails, "Rows that exist count as failed")
      ->excludes(update);
  verb.add_option("--errors", args->errors,
                  "Write the failed rows to this file, whole and with the reason in import_error, "
                  "to be mended and imported")
      ->type_name("FILE");
  add_wait(verb, args->wait, "searches see it", kUserAcks);
  verb.add_option("--format", args->format, "Without it: JSON where the text begins with { or [")
      ->check(CLI::IsMember({"csv", "json", "ndjson"}))
      ->type_name("csv|json|ndjson");
  verb.add_option("--encoding", args->encoding,
                  "Of the text, as iconv names it (UTF-8; a byte order mark decides)")
      ->type_name("NAME");
  verb.add_option("--delimiter", args->delimiter,
                  "Between the fields of CSV: a character, or tab (the first row tells)")
      ->type_name("tab|comma|semicolon|pipe|CHARACTER");
  verb.add_option("--email-column", args->rows.columns.email, "The CSV column of the address")
      ->type_name("COLUMN");
  verb.add_option("--name-column", args->rows.columns.name,
                  "The CSV column of the name; given twice, the two are joined")
      ->expected(1)
      ->take_all()
      ->type_name("COLUMN");
  verb.add_option("--email-path", args->rows.paths.email,
                  "The JSON member of the address, as profile.email or /profile/email")
      ->type_name("PATH");
  verb.add_option("--name-path", args->rows.paths.name,
                  "The JSON member of the name; given twice, the two are joined")
      ->expected(1)
      ->take_all()
      ->type_name("PATH");
}

}  // namespace mesh::cli
