#include <random>

#include "cli/commands/events.h"
#include "cli/commands/mend.h"
#include "cli/commands/wait_options.h"
#include "cli/import/event_ids.h"
#include "cli/import/event_line.h"
#include "cli/import/json_reader.h"
#include "cli/interrupt.h"
#include "cli/render/number.h"
#include "cli/render/width.h"
#include "cli/retry.h"
#include "common/base/ids.h"
#include "common/base/strings.h"
#include "common/domain/event.h"

namespace mesh::cli {
namespace {

constexpr std::size_t kBatchLines = 1000;  // fewer where the tenant's limit admits fewer at once
// Far below the default of http.max_bulk_body; a server with a lower bound answers 413, and gets
// halves.
constexpr std::size_t kBatchBytes = 4 << 20;
constexpr int kShownFailures = 20;

const View& published_view() {
  static const View view{
      "id",
      {{"id", "ID", "the event's id"}, {"type", "TYPE", "the event's type"}, position_field()}};
  return view;
}

const View& summary_view() {
  static const View view{
      "accepted",
      {{"accepted", "ACCEPTED", "events that are durably in the log", Field::Show::always,
        Field::Kind::count},
       {"failed", "FAILED", "records that were refused", Field::Show::always, Field::Kind::count}}};
  return view;
}

struct PublishArgs {
  EventDefaults defaults;
  std::string data, file, id, subject, id_from, format, encoding;
  client::WriteOptions write;
  WaitOptions wait;
};

Outcome publish_one(Session& session, const PublishArgs& args) {
  auto data = parse_json(args.data);
  if (!data) return fail(ErrorKind::invalid, "--data: " + data.error().message);
  // Under a key a repetition must be the same request.
  const auto& key = args.write.idempotency_key;
  const std::string made =
      key.empty() ? new_uuid_v7(session.clock.now()) : uuid_v5(kMeshNamespace, "publish:" + key);
  const std::string id = args.id.empty() ? made : args.id;
  auto event = MESH_TRY(event_of_data(trim(args.data), args.defaults, id));
  if (!args.subject.empty()) event["subject"] = args.subject;
  auto accepted = MESH_TRY(session.mesh->publish(event, args.write));
  session.out.row(
      published_view(),
      with_position({{"id", accepted.ids.front()}, {"type", event["type"]}}, accepted.written));
  return seen(session, accepted.written);
}

// Records → batches → the log. A batch is all or nothing at the server, so where lines of one are
// refused the others are sent again without them.
class Publisher {
 public:
  Publisher(Session& session, const PublishArgs& args, const EventIds& ids, JsonReader& records)
      : session_(session),
        args_(args),
        ids_(ids),
        records_(records),
        progress_(session.progress("publish")) {}

  Outcome run() {
    const InterruptGuard interrupt;
    std::optional<Error> unreadable;
    while (!InterruptGuard::interrupted()) {
      // A slow source, such as `mesh events tail |`, must not leave its last records in a batch
      // that never fills.
      if (!batch_.empty() && !records_.ready(50)) {
        if (auto sent = send(); !sent) return ended_by(sent.error());
      }
      auto record = records_.next();
      // What was read before is published first; the error is told after the summary.
      if (!record) unreadable = record.error();
      if (!record || !*record) break;
      if (auto taken = take(**record); !taken) return ended_by(taken.error());
      if (batch_.size() >= kBatchLines || bytes_ >= kBatchBytes) {
        if (auto sent = send(); !sent) return ended_by(sent.error());
      }
    }
    // After Ctrl-C, too: what was read is published, and the summary counts it.
    if (auto sent = send(); !sent) return ended_by(sent.error());
    progress_.clear();
    if (session_.out.format() != Format::name) {
      session_.out.row(summary_view(), {{"accepted", accepted_}, {"failed", failed_}});
    }
    if (failed_ > kShownFailures) {
      session_.out.note("… and " + with_thousands(failed_ - kShownFailures) +
                        " more refused records");
    }
    if (InterruptGuard::interrupted()) {
      session_.out.note("interrupted: not all records were read");
      return InterruptGuard::exit();
    }
    if (unreadable) return fail(*unreadable);
    const Exit all_seen = seen(session_, unseen_);
    if (failed_ == 0) return all_seen;
    return accepted_ == 0 ? Exit::failure : Exit::partly;
  }

 private:
  struct Item {
    std::int64_t line;
    std::string text;
  };

  Outcome ended_by(Error error) const {
    // After Ctrl-C a call ends with its last error, since nobody waits for another try: no failure.
    if (!InterruptGuard::interrupted()) return fail(std::move(error));
    session_.out.note("interrupted: " + error.message);
    return InterruptGuard::exit();
  }

  void refuse(std::int64_t line, const std::string& reason) {
    // A file of the wrong kind must not fill the terminal; the number of the others is told at the
    // end.
    if (++failed_ > kShownFailures) return;
    progress_.clear();
    session_.out.note("line " + std::to_string(line) + ": " + printable(reason));
  }

  Status take(const JsonText& record) {
    // Before event_of, which would take a letter for bare data where a --type is given.
    if (const auto letter = letter_of(record.text)) return mend(record.line, *letter);
    const auto event = event_of(record);
    if (!event) {
      const std::string where =
          record.column > 0 ? "column " + std::to_string(record.column) + ": " : "";
      refuse(record.line, where + event.error().message);
      return {};
    }
    // A request is of one tenant.
    const Json& named = at_path(*event, "tenantid");
    const std::string tenant =
        args_.defaults.keep_tenant && named.is_string() ? named.get<std::string>() : "";
    if (!batch_.empty() && tenant != tenant_) MESH_TRY(send());
    tenant_ = tenant;
    batch_.push_back({record.line, dump(*event)});
    bytes_ += batch_.back().text.size() + 1;
    return {};
  }

  // A dead letter goes back edited, in an exchange of its own.
  Status mend(std::int64_t line, const Letter& letter) {
    const auto& only = session_.settings.tenant;
    // The API mends by the letter's place, whatever tenant was named: what --tenant restricts is
    // decided here. A letter without an event is refused by mend_letter, with advice.
    if (!only.empty() && letter.tenant != only && letter.event != "null") {
      refuse(line, "the letter's event is of tenant \"" + letter.tenant + "\", not of " + only +
                       ": without --tenant letters of all tenants are mended");
      return {};
    }
    auto mended = mend_letter(session_, letter, args_.write);
    if (mended) {
      ++accepted_;
      if (!mended->written.pending.empty()) unseen_ = mended->written;
      if (session_.out.format() == Format::name) session_.out.data(printable(mended->id) + "\n");
    } else if (is_refusal(mended.error())) {
      refuse(line, refusal_text(mended.error()));
    } else {
      return fail(with_progress(mended.error()));
    }
    return {};
  }

  Result<Json> event_of(const JsonText& record) const {
    if (!record.broken.empty()) return fail(ErrorKind::invalid, record.broken);
    auto id = MESH_TRY(ids_.of(record));
    return event_of_line(record.text, args_.defaults, id);
  }

  Status send() {
    while (!batch_.empty()) {
      // A tenant's limit that lets no whole batch through lets none of the later ones through
      // either: once halved, all batches of this run stay so small.
      const std::size_t size = std::min(batch_.size(), most_at_once_);
      std::string body;
      body.reserve(bytes_);
      for (std::size_t i = 0; i < size; ++i) body += batch_[i].text + "\n";
      // One key per body: a repetition after a lost answer adds nothing.
      client::WriteOptions write = args_.write;
      write.tenant = tenant_;
      write.idempotency_key = "publish-" + new_uuid_v7(session_.clock.now());
      auto ids = patiently([&] { return session_.mesh->publish_bulk(body, write); }, nap, random_);
      if (ids) {
        accepted_ += static_cast<std::int64_t>(ids->ids.size());
        if (!ids->written.pending.empty()) unseen_ = ids->written;
        // Ids are told as soon as their events are durable, for a reader behind a pipe.
        if (session_.out.format() == Format::name) {
          for (const auto& id : ids->ids) session_.out.data(printable(id) + "\n");
          session_.out.flush();
        }
        progress_.update(accepted_ + failed_, 0, fraction());
        batch_.erase(batch_.begin(), batch_.begin() + static_cast<std::ptrdiff_t>(size));
      } else if (ids.error().kind == ErrorKind::too_large && size > 1) {
        most_at_once_ = size / 2;
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
      // "/<line of the request, from 1>/<pointer into the event>".
      const auto parts = split(field.pointer, '/');
      const auto line = parts.size() > 1 ? parse_int(parts[1]) : std::nullopt;
      if (!line || *line < 1 || *line > static_cast<std::int64_t>(batch_.size())) continue;
      std::string where = field.pointer.substr(parts[1].size() + 1);
      std::string& text = refused[static_cast<std::size_t>(*line - 1)];
      text += (text.empty() ? "" : "; ") + (where.empty() ? "" : where + ": ") + field.detail;
    }
    // Without a line to leave out, the same request would be refused for ever.
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
    // Batches go in the order of the file, so all that comes before the first of this one was
    // accepted or refused.
    if (!batch_.empty())
      error.message +=
          "; line " + std::to_string(batch_.front().line) + " is the first that was not";
    return error;
  }

  double fraction() const {
    // By bytes, since nobody knows how many records a file has; a pipe has no size.
    const TextInput& input = records_.lines().input();
    return input.size() > 0
               ? static_cast<double>(input.bytes_read()) / static_cast<double>(input.size())
               : -1;
  }

  Session& session_;
  const PublishArgs& args_;
  const EventIds& ids_;
  JsonReader& records_;
  Progress progress_;
  std::vector<Item> batch_;
  std::string tenant_;  // of the batch; empty: the session's
  std::size_t bytes_ = 0;
  std::size_t most_at_once_ = kBatchLines;
  std::int64_t accepted_ = 0, failed_ = 0;
  client::Written unseen_;  // of a batch that did not see in time what it waited for
  std::mt19937_64 random_{std::random_device{}()};
};

Outcome publish(Session& session, PublishArgs args) {
  MESH_TRY(set_wait(args.write, args.wait));
  if (!args.data.empty()) {
    if (!args.file.empty()) return fail(ErrorKind::invalid, "--data or a file, not both");
    if (!args.id_from.empty())
      return fail(ErrorKind::invalid, "--id-from goes with a file; --data has --id");
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
  auto lines = MESH_TRY(LineReader::open(args.file, args.encoding));
  auto ids = MESH_TRY(EventIds::make(args.id_from, args.file, args.defaults.source, session.clock));
  JsonReader records(
      lines, args.format == "ndjson" ? JsonReader::Arrays::kept : JsonReader::Arrays::opened);
  return Publisher(session, args, ids, records).run();
}

}  // namespace

void add_events_publish(Commands& commands, CLI::App& events) {
  auto args = std::make_shared<PublishArgs>();
  auto& verb = commands.verb(
      events,
      {.name = "publish",
       .summary = "Publish one event, or a stream of them",
       .details =
           "Records of a file or of stdin are CloudEvents objects, records as `mesh events tail -o "
           "json` prints them, letters as `mesh dlq show -o json` prints them, which are mended by "
           "their event and settled, or bare data, which then needs --type. They stand a line each "
           "(NDJSON), pretty-printed one behind another, or in an array. They go in batches; "
           "refused ones are named and the rest goes on. Exit code 6: some were refused; 1: all of "
           "them; 7: all are durable, but were not seen within --wait.\n"
           "A record keeps every attribute, its content type and its data to the byte. With "
           "--tenant it becomes that tenant's event; without, the operator publishes it as the "
           "tenant's whose it was.\n"
           "A second run of a file appends its events again, under new ids; with --id-from its "
           "events have the same ids again, and what has an id counts once.",
       .examples = "mesh events publish --tenant acme --type analytics.recorded --data "
                   "'{\"user_id\":\"1\",\"event_type\":\"login\"}'\n"
                   "mesh events publish events.ndjson --tenant acme\n"
                   "mesh events publish orders.json --tenant acme --type order.placed --id-from "
                   "/order/number\n"
                   "mesh events tail --topic analytics.events --from start --no-follow -o json | "
                   "mesh events publish - --tenant beta\n"
                   "mesh dlq show chemical.events -o json | jq -c '.[] | .event.data.formula = "
                   "\"H2O\"' | mesh events publish -\n",
       .tenant = TenantUse::acts,
       .view = &summary_view(),
       .run = [args](Session& session) { return publish(session, *args); }});
  verb.add_option("FILE,--file", args->file, "JSON or NDJSON file; - is stdin")->type_name("FILE");
  verb.add_option("--type", args->defaults.type, "Event type of data without one")
      ->type_name("TYPE");
  verb.add_option("--data", args->data, "The event's data, as JSON")->type_name("JSON");
  verb.add_option("--id", args->id, "The event's id (a new UUIDv7)")->type_name("ID");
  verb.add_option("--id-from", args->id_from,
                  "Make the ids of records that have none of: line (the file's content and the "
                  "record's place in it), or a member of the record, by its name or JSON pointer")
      ->type_name("line|FIELD");
  verb.add_option("--format", args->format,
                  "json: an array is a list of records; ndjson: an array is a record")
      ->check(CLI::IsMember({"json", "ndjson"}))
      ->type_name("json|ndjson");
  verb.add_option("--encoding", args->encoding,
                  "Of the file, as iconv names it (UTF-8; a byte order mark decides)")
      ->type_name("NAME");
  verb.add_option("--source", args->defaults.source, "The event's source, a URI reference")
      ->type_name("SOURCE")
      ->capture_default_str();
  verb.add_option("--subject", args->subject, "What it is about")->type_name("SUBJECT");
  verb.add_option("--idempotency-key", args->write.idempotency_key,
                  "With --data: repeating the command with this key publishes nothing twice")
      ->type_name("KEY");
  add_wait(verb, args->wait, "it is counted", kEventAcks);
}

}  // namespace mesh::cli
