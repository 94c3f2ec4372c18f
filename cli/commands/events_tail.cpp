#include <random>

#include "cli/commands/events.h"
#include "cli/interrupt.h"
#include "cli/records.h"
#include "cli/render/record_format.h"
#include "cli/render/width.h"
#include "cli/retry.h"
#include "cli/terminal.h"
#include "common/domain/catalogue.h"
#include "common/domain/log_cursor.h"

namespace mesh::cli {

std::string record_line(const Json& record) {
  // Its syntax is good, so that parse has a value.
  static const RecordFormat format = *RecordFormat::parse("%t/%p@%o  %y  %k  %v");
  return time_text(at_path(record, "time")) + "  " + printable(format.apply(record)) + "\n";
}

namespace {

// The most that the server takes.
constexpr int kLongPollSeconds = 25;

struct TailArgs {
  std::vector<std::string> topics, filters;
  std::string format, from;
  std::int64_t last = 0;
  bool follow = false, no_follow = false;
};

// False once nobody reads any more.
class Printer {
 public:
  Printer(Session& session, std::optional<RecordFormat> format)
      : session_(session), format_(std::move(format)) {}

  bool any() const { return any_; }
  bool print(const Json& record) {
    if (!session_.out.ok()) return false;
    any_ = true;
    if (format_) {
      session_.out.data(format_->apply(record, session_.out.terminal().out));
    } else {
      session_.out.stream(record_view(), record, record_line(record));
    }
    return session_.out.ok();
  }
  bool flush() {
    session_.out.flush();
    return session_.out.ok();
  }

 private:
  Session& session_;
  const std::optional<RecordFormat> format_;
  bool any_ = false;
};

// Record after record as they come, of all topics by one request after the other, until an error
// that does not pass.
Outcome follow(Session& session, client::FollowQuery query, Printer& printer) {
  leave_with_reader();
  query.limit = 1000;
  query.wait_seconds = kLongPollSeconds;
  std::mt19937_64 random(std::random_device{}());
  bool told = false;
  for (int attempt = 0; !InterruptGuard::interrupted();) {
    auto page = session.mesh->follow(query);
    if (!page) {
      // A server that restarts is waited for.
      if (!retry_delay(page.error(), 1, 0)) return fail(page.error());
      if (!told) session.out.note("mesh: " + printable(page.error().message) + "; trying again");
      told = true;
      // Below the attempt at which retry_delay gives up: a tail waits for its server without end.
      // Full jitter may say 0, so something is added; no loop goes round without a pause.
      attempt = std::min(attempt + 1, 7);
      if (!nap(*retry_delay(page.error(), attempt, random()) + Duration{100})) return Exit::ok;
      continue;
    }
    attempt = 0;
    told = false;
    for (const Json& record : page->records) {
      if (!printer.print(record)) return Exit::ok;
    }
    if (!printer.flush()) return Exit::ok;
    query.cursor = std::move(page->next);
  }
  return Exit::ok;
}

Result<std::vector<std::string>> topics_of(Session& session, const TailArgs& args) {
  std::vector<std::string> names = args.topics;
  if (names.empty()) {
    auto topics = MESH_TRY(session.mesh->topics());
    for (const Json& topic : topics) {
      // Letters repeat events of other topics: who wants them names their topic.
      std::string name = plain_text(at_path(topic, "name"));
      if (!is_dead_letter_topic(name)) names.push_back(std::move(name));
    }
  }
  return names;
}

Outcome tail(Session& session, const TailArgs& args) {
  std::optional<RecordFormat> format;
  if (!args.format.empty()) {
    format = MESH_TRY(RecordFormat::parse(args.format));
  }
  RecordFilter filter{session.settings.tenant, {}, {}};
  for (const auto& text : args.filters) MESH_TRY(add_filter(filter, text));
  const bool follows = args.follow || (!args.no_follow && args.last == 0);
  Printer printer(session, std::move(format));
  client::FollowQuery query{.topics = args.topics,
                            .from = "end",
                            .tenant = filter.tenant,
                            .type = filter.type,
                            .key = filter.key};
  // Nothing that is there already is asked for: the server itself begins at the end of each topic.
  if (follows && args.last == 0 && args.from.empty()) {
    return follow(session, std::move(query), printer);
  }

  // What is there already, up to where each topic ends now; what follows goes on from there.
  const auto names = MESH_TRY(topics_of(session, args));
  std::vector<TopicRange> ranges;
  LogOffsets ends;
  for (const auto& name : names) {
    auto range = MESH_TRY(whole_topic(*session.mesh, name));
    if (!args.from.empty()) {
      range.from = MESH_TRY(resolve_bound(*session.mesh, range, args.from));
    }
    for (const auto& [partition, end] : range.to) ends[{name, partition}] = end;
    ranges.push_back(std::move(range));
  }
  if (args.last > 0 || args.from.empty()) {
    // --no-follow alone: as many as tail(1) prints.
    const std::int64_t count = args.last > 0 ? args.last : 10;
    if (args.from.empty()) {
      auto last =
          MESH_TRY(last_records(*session.mesh, ranges, filter, static_cast<std::size_t>(count)));
      for (const Json& record : last) printer.print(record);
    } else {
      std::int64_t left = count;
      MESH_TRY(read_ranges(*session.mesh, ranges, filter,
                           [&](Json record) { return printer.print(record) && --left > 0; }));
    }
  } else {
    MESH_TRY(read_ranges(*session.mesh, ranges, filter,
                         [&](Json record) { return printer.print(record); }));
  }
  if (!printer.any()) MESH_TRY(tenant_exists(*session.mesh, filter));
  if (!printer.flush()) return Exit::ok;  // `… | head` has enough
  if (!follows) return Exit::ok;
  // Exactly where the history ended, so that between the two nothing is lost or printed twice.
  query.cursor = format_log_cursor(ends);
  return follow(session, std::move(query), printer);
}

}  // namespace

void add_events_tail(Commands& commands, CLI::App& events) {
  auto args = std::make_shared<TailArgs>();
  auto& verb = commands.verb(
      events,
      {.name = "tail",
       .summary = "Print events, and go on as new ones come",
       .details = "Without -n, --from or --no-follow it waits for new events. --from prints what "
                  "lies between there "
                  "and now first. -n N prints the last N events (with --from: the first N from "
                  "there) and ends; "
                  "-F with -n goes on after them. --no-follow alone prints the last 10.\n"
                  "Format: %t topic, %p partition, %o offset, %k key, %v value, %T time, %y type, "
                  "%i id, %e tenant, "
                  "%h headers, %% a percent sign; \\n \\t \\r \\\\. The lines of -o json can be "
                  "piped into `mesh events publish -`.",
       .examples = "mesh events tail\n"
                   "mesh events tail --topic user.events -n 20\n"
                   "mesh events tail --topic user.events -f '%t %k %v\\n' --from @-1h --no-follow\n"
                   "mesh events tail --filter type=user.created --filter tenant=acme -o json\n"
                   "mesh events tail --topic chemical.events --from start -n 100 -o json\n",
       .tenant = TenantUse::restricts,
       .view = &record_view(),
       .run = [args](Session& session) { return tail(session, *args); }});
  verb.add_option("--topic", args->topics,
                  "Topic; may be repeated (all but the dead-letter topics)")
      ->type_name("TOPIC")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  verb.add_option("-f,--format", args->format, "What to print of each, see above")
      ->type_name("FORMAT");
  verb.add_option("--from", args->from, "start, end, an offset, @TIME (RFC 3339) or @-DURATION")
      ->type_name("BOUND");
  verb.add_option("--filter", args->filters, "Only such events; may be repeated")
      ->type_name("type=TYPE|tenant=TENANT|key=KEY")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  verb.add_option("-n,--last", args->last, "So many events, then end")
      ->type_name("N")
      ->check(whole_number(1, 1'000'000))
      ->type_name("N");
  auto* follow = verb.add_flag("-F,--follow", args->follow, "Go on with new events after -n");
  verb.add_flag("--no-follow", args->no_follow, "End when what is there has been printed")
      ->excludes(follow);
}

}  // namespace mesh::cli
