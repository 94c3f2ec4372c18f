#include <random>

#include "cli/commands/events.h"
#include "cli/commands/mend.h"
#include "cli/import/event_line.h"
#include "cli/import/line_reader.h"
#include "cli/interrupt.h"
#include "cli/render/width.h"
#include "cli/retry.h"
#include "common/base/ids.h"
#include "common/base/strings.h"
#include "common/domain/event.h"

namespace mesh::cli {
namespace {

constexpr std::size_t kBatchLines = 1000;
constexpr std::size_t kBatchBytes = 4 << 20;
constexpr int kShownFailures = 20;

const View& published_view() {
  static const View view{"id",
                         {{"id", "ID", "the event's id"}, {"type", "TYPE", "the event's type"}}};
  return view;
}

const View& summary_view() {
  static const View view{"accepted",
                         {{"accepted", "ACCEPTED", "events that are durably in the log"},
                          {"failed", "FAILED", "lines that were refused"}}};
  return view;
}

struct Args {
  EventDefaults defaults;
  std::string data, file, id, subject;
  client::WriteOptions write;
};

Outcome publish_one(Session& session, const Args& args) {
  auto data = parse_json(args.data);
  if (!data) return fail(ErrorKind::invalid, "--data: " + data.error().message);
  // Under a key a repetition must be the same request.
  const auto& key = args.write.idempotency_key;
  const std::string made =
      key.empty() ? new_uuid_v7(session.clock.now()) : uuid_v5(kMeshNamespace, "publish:" + key);
  const std::string id = args.id.empty() ? made : args.id;
  auto event = event_of_data(trim(args.data), args.defaults, id);
  if (!event) return fail(event.error());
  if (!args.subject.empty()) (*event)["subject"] = args.subject;
  auto accepted = session.mesh->publish(*event, args.write);
  if (!accepted) return fail(accepted.error());
  session.out.row(published_view(), {{"id", *accepted}, {"type", (*event)["type"]}});
  return Exit::ok;
}

// Lines → batches → the log. A batch is all or nothing at the server, so where lines of one are
// refused the others are sent again without them.
class Publisher {
 public:
  Publisher(Session& session, const Args& args, LineReader& lines)
      : session_(session), args_(args), lines_(lines), progress_(session.progress("publish")) {}

  Outcome run() {
    const InterruptGuard interrupt;
    while (!InterruptGuard::interrupted()) {
      if (!batch_.empty() && !lines_.ready(50)) {
        if (auto sent = send(); !sent) return ended_by(sent.error());
      }
      auto line = lines_.next();
      if (!line) return fail(line.error());
      if (!*line) break;
      if (auto taken = take(**line); !taken) return ended_by(taken.error());
      if (batch_.size() >= kBatchLines || bytes_ >= kBatchBytes) {
        if (auto sent = send(); !sent) return ended_by(sent.error());
      }
    }
    if (auto sent = send(); !sent) return ended_by(sent.error());
    progress_.clear();
    if (session_.out.format() != Format::name) {
      session_.out.row(summary_view(), {{"accepted", accepted_}, {"failed", failed_}});
    }
    if (failed_ > kShownFailures) {
      session_.out.note("… and " + std::to_string(failed_ - kShownFailures) +
                        " more refused lines");
    }
    if (InterruptGuard::interrupted()) {
      session_.out.note("interrupted: not all lines were read");
      return InterruptGuard::exit();
    }
    if (failed_ == 0) return Exit::ok;
    return accepted_ == 0 ? Exit::failure : Exit::partly;
  }

 private:
  struct Item {
    std::int64_t line;
    std::string text;
  };

  Outcome ended_by(Error error) const {
    if (!InterruptGuard::interrupted()) return fail(std::move(error));
    session_.out.note("interrupted: " + error.message);
    return InterruptGuard::exit();
  }

  void refuse(std::int64_t line, const std::string& reason) {
    if (++failed_ > kShownFailures) return;
    progress_.clear();
    session_.out.note("line " + std::to_string(line) + ": " + printable(reason));
  }

  Status take(const LineReader::Line& line) {
    if (trim(line.text).empty()) return {};
    if (line.too_long) {
      refuse(line.number, "longer than 1 MiB");
      return {};
    }
    if (const auto letter = letter_of(line.text)) return mend(line.number, *letter);
    auto event = event_of_line(line.text, args_.defaults, new_uuid_v7(session_.clock.now()));
    if (!event) {
      refuse(line.number, event.error().message);
      return {};
    }
    // A request is of one tenant.
    const Json& named = at_path(*event, "tenantid");
    const std::string tenant =
        args_.defaults.keep_tenant && named.is_string() ? named.get<std::string>() : "";
    if (!batch_.empty() && tenant != tenant_) {
      if (auto sent = send(); !sent) return sent;
    }
    tenant_ = tenant;
    batch_.push_back({line.number, dump(*event)});
    bytes_ += batch_.back().text.size() + 1;
    return {};
  }

  // A dead letter goes back edited, in an exchange of its own.
  Status mend(std::int64_t line, const Letter& letter) {
    auto mended = mend_letter(session_, letter);
    if (mended) {
      ++accepted_;
      if (session_.out.format() == Format::name) session_.out.data(printable(*mended) + "\n");
    } else if (is_refusal(mended.error())) {
      refuse(line, refusal_text(mended.error()));
    } else {
      return fail(with_progress(mended.error()));
    }
    return {};
  }

  Status send() {
    while (!batch_.empty()) {
      std::string body;
      body.reserve(bytes_);
      for (const Item& item : batch_) body += item.text + "\n";
      // One key per body: a repetition after a lost answer adds nothing.
      client::WriteOptions write = args_.write;
      write.tenant = tenant_;
      write.idempotency_key = "publish-" + new_uuid_v7(session_.clock.now());
      auto ids = patiently([&] { return session_.mesh->publish_bulk(body, write); }, nap, random_);
      if (ids) {
        accepted_ += static_cast<std::int64_t>(ids->size());
        if (session_.out.format() == Format::name) {
          for (const auto& id : *ids) session_.out.data(printable(id) + "\n");
          session_.out.flush();
        }
        progress_.update(accepted_ + failed_, 0, fraction());
        batch_.clear();
      } else if (ids.error().kind != ErrorKind::unprocessable || !drop_refused(ids.error())) {
        return fail(with_progress(ids.error()));
      }
    }
    bytes_ = 0;
    return {};
  }

  // Takes the lines that the pointers name out of the batch; false where they name none.
  bool drop_refused(const Error& error) {
    std::map<std::size_t, std::string> refused;
    for (const FieldError& field : error.fields) {
      const auto parts = split(field.pointer, '/');
      const auto line = parts.size() > 1 ? parse_int(parts[1]) : std::nullopt;
      if (!line || *line < 1 || *line > static_cast<std::int64_t>(batch_.size())) continue;
      std::string where = field.pointer.substr(parts[1].size() + 1);
      std::string& text = refused[static_cast<std::size_t>(*line - 1)];
      text += (text.empty() ? "" : "; ") + (where.empty() ? "" : where + ": ") + field.detail;
    }
    if (refused.empty()) return false;
    std::vector<Item> kept;
    for (std::size_t i = 0; i < batch_.size(); ++i) {
      if (const auto it = refused.find(i); it != refused.end()) {
        refuse(batch_[i].line, it->second);
      } else {
        kept.push_back(std::move(batch_[i]));
      }
    }
    batch_ = std::move(kept);
    return true;
  }

  Error with_progress(Error error) const {
    if (accepted_ > 0)
      error.message += " (" + std::to_string(accepted_) + " events were accepted before)";
    if (!batch_.empty())
      error.message +=
          "; line " + std::to_string(batch_.front().line) + " is the first that was not";
    return error;
  }

  double fraction() const {
    return lines_.size() > 0
               ? static_cast<double>(lines_.bytes_read()) / static_cast<double>(lines_.size())
               : -1;
  }

  Session& session_;
  const Args& args_;
  LineReader& lines_;
  Progress progress_;
  std::vector<Item> batch_;
  std::string tenant_;  // of the batch; empty: the session's
  std::size_t bytes_ = 0;
  std::int64_t accepted_ = 0, failed_ = 0;
  std::mt19937_64 random_{std::random_device{}()};
};

Outcome publish(Session& session, Args args) {
  if (!args.data.empty()) {
    if (!args.file.empty()) return fail(ErrorKind::invalid, "--data or a file, not both");
    return publish_one(session, args);
  }
  if (!args.id.empty() || !args.subject.empty()) {
    return fail(ErrorKind::invalid, "--id and --subject go with --data; lines have their own");
  }
  if (!args.write.idempotency_key.empty()) {
    return fail(ErrorKind::invalid,
                "--idempotency-key goes with --data; lines go in batches with keys of their own");
  }
  if (args.file.empty()) {
    if (session.out.terminal().in)
      return fail(ErrorKind::invalid, "what to publish? give --data JSON, a FILE, or - for stdin");
    args.file = "-";
  }
  // The operator, of no tenant himself, publishes each record as its tenant's.
  args.defaults.keep_tenant =
      session.settings.tenant.empty() && !is_tenant_token(session.settings.token);
  auto lines = LineReader::open(args.file);
  if (!lines) return fail(lines.error());
  return Publisher(session, args, *lines).run();
}

}  // namespace

void add_events_publish(Commands& commands, CLI::App& events) {
  auto args = std::make_shared<Args>();
  auto& verb = commands.verb(
      events,
      {.name = "publish",
       .summary = "Publish one event, or a stream of them",
       .details =
           "Lines of a file or of stdin are CloudEvents objects, records as `mesh events "
           "tail -o json` "
           "prints them, letters as `mesh dlq show -o json` prints them, which are mended by "
           "their event and settled, or bare data, which then needs --type. They go in "
           "batches; refused lines are named and the rest goes on. Exit code 6: some were "
           "refused; 1: all of them.\n"
           "A record keeps every attribute, its content type and its data to the byte. With "
           "--tenant it becomes that tenant's event; without, the operator publishes it as "
           "the tenant's whose it was.",
       .examples = "mesh events publish --tenant acme --type analytics.recorded --data "
                   "'{\"user_id\":\"1\",\"event_type\":\"login\"}'\n"
                   "mesh events publish events.ndjson --tenant acme\n"
                   "mesh events tail --topic analytics.events --from start --no-follow -o json | "
                   "mesh events publish - --tenant beta\n"
                   "mesh dlq show chemical.events -o json | jq -c '.[] | .event.data.formula = "
                   "\"H2O\"' | mesh events publish -\n",
       .view = &summary_view(),
       .run = [args](Session& session) { return publish(session, *args); }});
  verb.add_option("FILE,--file", args->file, "NDJSON file; - is stdin")->type_name("FILE");
  verb.add_option("--type", args->defaults.type, "Event type of data without one")
      ->type_name("TYPE");
  verb.add_option("--data", args->data, "The event's data, as JSON")->type_name("JSON");
  verb.add_option("--id", args->id, "The event's id (a new UUIDv7)")->type_name("ID");
  verb.add_option("--source", args->defaults.source, "The event's source, a URI reference")
      ->type_name("SOURCE")
      ->capture_default_str();
  verb.add_option("--subject", args->subject, "What it is about")->type_name("SUBJECT");
  verb.add_option("--idempotency-key", args->write.idempotency_key,
                  "With --data: repeating the command with this key publishes nothing twice")
      ->type_name("KEY");
}

}  // namespace mesh::cli
