#include "cli/commands/dlq.h"

#include <chrono>
#include <set>

#include "cli/commands/follow_task.h"
#include "common/base/strings.h"
#include "common/domain/catalogue.h"

namespace mesh::cli {

std::string letters_of(const std::string& topic) {
  return is_dead_letter_topic(topic) ? topic : dead_letter_topic(topic);
}

namespace {

const View& cause_view() {
  using Show = Field::Show;
  using Kind = Field::Kind;
  static const View view{
      "fingerprint",
      {{"topic", "TOPIC", "the dead-letter topic"},
       {"tenant", "TENANT", "whose events they are"},
       {"fingerprint", "FINGERPRINT", "names the cause, for --cause"},
       {"cause_class", "CLASS", "the class of the cause, for --cause", Show::wide},
       {"letters", "LETTERS", "letters neither redriven nor purged", Show::always, Kind::count},
       {"first", "FIRST", "when the oldest of them died", Show::wide, Kind::time},
       {"last", "LAST", "when the newest of them died", Show::always, Kind::time},
       {"cause", "CAUSE", "what went wrong; # and empty quotes stand for what differs"}},
      "CAUSE"};
  return view;
}

const View& letter_view() {
  static const View view{
      "event.id",
      {{"event.id", "EVENT", "the dead event's id"},
       {"died_at", "DIED", "when it was given up", Field::Show::always, Field::Kind::time},
       {"pipeline", "PIPELINE", "the pipeline that gave it up", Field::Show::wide},
       {"tenant", "TENANT", "whose event it is"},
       {"event.type", "TYPE", "the event's type", Field::Show::wide},
       {"attempts", "ATTEMPTS", "how often it was tried since it was redriven last",
        Field::Show::wide, Field::Kind::count},
       {"redrives", "REDRIVES", "how often it was redriven or mended before it died again",
        Field::Show::wide, Field::Kind::count},
       {"cause_class", "CLASS", "the class of the cause, for --cause"},
       {"fingerprint", "FINGERPRINT", "names its cause, for --cause", Field::Show::wide},
       {"cause", "CAUSE", "what went wrong"},
       {"source", "SOURCE", "where the event lies: topic/partition@offset", Field::Show::wide},
       {"key", "KEY", "the event's key", Field::Show::wide},
       {"attempts_before", "TRIED BEFORE", "attempts before it was redriven last",
        Field::Show::wide, Field::Kind::count},
       {"first_died_at", "FIRST DIED", "when it was given up for the first time", Field::Show::wide,
        Field::Kind::time},
       {"topic", "LETTER TOPIC", "where the letter lies", Field::Show::never},
       {"partition", "PARTITION", "and the partition", Field::Show::never},
       {"offset", "OFFSET", "and the place there", Field::Show::never},
       {"event.data", "DATA", "the event's data", Field::Show::never}},
      "CAUSE"};
  return view;
}

struct DlqArgs {
  std::string topic;
  client::LetterFilter filter;
  int limit = 100;
  std::string rate;
  bool dry_run = false, no_wait = false;
};

client::LetterFilter filter_of(const Session& session, const DlqArgs& args) {
  client::LetterFilter filter = args.filter;
  filter.tenant = session.settings.tenant;
  return filter;
}

Outcome list(Session& session, const DlqArgs& args) {
  auto groups = MESH_TRY(session.mesh->dead_letter_causes(args.topic, args.filter.cause,
                                                          session.settings.tenant, args.limit));
  session.out.items(cause_view(), groups);
  return Exit::ok;
}

// The one that is named or, without one, where the cause that is named has letters.
Result<std::string> topic_of(const Session& session, const DlqArgs& args) {
  if (!args.topic.empty()) return letters_of(args.topic);
  if (args.filter.cause.empty()) {
    return fail(ErrorKind::invalid, "name the topic, or with --cause what `mesh dlq list` shows");
  }
  constexpr int kMost = 1'000;  // the server's
  const auto groups = MESH_TRY(
      session.mesh->dead_letter_causes({}, args.filter.cause, session.settings.tenant, kMost));
  std::set<std::string> topics;
  for (const Json& group : groups) topics.insert(plain_text(at_path(group, "topic")));
  if (topics.empty()) {
    return fail(ErrorKind::not_found, "no topic has letters of cause \"" + args.filter.cause +
                                          "\"; `mesh dlq list` shows the causes that there are");
  }
  if (topics.size() > 1) {
    return fail(ErrorKind::invalid, "letters of cause \"" + args.filter.cause + "\" are in " +
                                        join({topics.begin(), topics.end()}, ", ") +
                                        ": name one of them");
  }
  return *topics.begin();
}

Outcome show(Session& session, const DlqArgs& args) {
  const auto topic = MESH_TRY(topic_of(session, args));
  auto letters = MESH_TRY(session.mesh->dead_letters(topic, filter_of(session, args), args.limit));
  session.out.items(letter_view(), letters);
  return Exit::ok;
}

// What is done with letters, and how it is asked for.
struct Change {
  const char* verb;
  const char* consequence;  // of a yes
  Result<Json> (*call)(Session&, const std::string& topic, const DlqArgs&, bool dry_run);
};

// Letters a second: "50/s", or the number alone.
Result<std::int64_t> letters_a_second(std::string_view text) {
  std::string_view number = text;
  if (number.ends_with("/s")) number.remove_suffix(2);
  const auto rate = parse_int(number);
  if (rate && *rate > 0) return *rate;
  return fail(ErrorKind::invalid, "--rate \"" + std::string(text) +
                                      "\" is not a number of letters a second, such as 50/s");
}

Result<Json> redrive(Session& session, const std::string& topic, const DlqArgs& args,
                     bool dry_run) {
  client::RedriveOptions options;
  if (!args.rate.empty()) options.rate = MESH_TRY(letters_a_second(args.rate));
  if (const auto& timeout = session.settings.timeout; timeout && !dry_run) {
    // The task itself waits for what becomes of the events, a minute unless it is told otherwise:
    // with a longer --timeout it would end with pending ones before this tool gives up.
    constexpr std::chrono::seconds kMost{3600};  // the server's
    options.wait_seconds =
        std::min(std::chrono::ceil<std::chrono::seconds>(*timeout), kMost).count();
  }
  return session.mesh->redrive(topic, filter_of(session, args), dry_run, options);
}

Result<Json> purge(Session& session, const std::string& topic, const DlqArgs& args, bool dry_run) {
  return session.mesh->purge(topic, filter_of(session, args), dry_run);
}

constexpr Change kRedrive{"Redrive", "They are processed again.", redrive};
constexpr Change kPurge{"Purge", "They are given up for good.", purge};

std::string described(const client::LetterFilter& filter) {
  std::string text;
  if (!filter.tenant.empty()) text += ", tenant " + filter.tenant;
  if (!filter.cause.empty()) text += ", cause " + filter.cause;
  if (!filter.id.empty()) text += ", event " + filter.id;
  return text.empty() ? ", whatever tenant and cause" : text;
}

Outcome change_letters(Session& session, const DlqArgs& args, const Change& change) {
  const auto topic = MESH_TRY(topic_of(session, args));
  const auto filter = filter_of(session, args);
  // Counting reads the letters of the topic. With --yes nobody reads the number, so it is not asked
  // for.
  if (args.dry_run || !session.globals.yes) {
    auto counted = MESH_TRY(change.call(session, topic, args, true));
    static const View view{
        "matching",
        {{"matching", "MATCHING", "letters it would take", Field::Show::always, Field::Kind::count},
         {"seconds", "TAKES", "how long, at the rate that was given", Field::Show::always,
          Field::Kind::seconds}}};
    if (args.dry_run) {
      session.out.row(view, counted);
      return Exit::ok;
    }
    const Json& matching = at_path(counted, "matching");
    if (matching.is_number_integer() && matching.get<std::int64_t>() == 0) {
      session.out.note("no letters of " + topic + " match" + described(filter));
      return Exit::ok;
    }
    MESH_TRY(confirm(session, std::string(change.verb) + " " + count_text(matching) +
                                  (matching == 1 ? " letter of " : " letters of ") + topic +
                                  described(filter) + "? " + change.consequence));
  }
  return started(session, change.call(session, topic, args, false), args.no_wait);
}

void add_filters(CLI::App& verb, DlqArgs& args) {
  verb.add_option("TOPIC", args.topic,
                  "The topic, or its dead-letter topic; may be left out with --cause");
  verb.add_option("--cause", args.filter.cause, "Only letters of this class or fingerprint")
      ->type_name("CAUSE");
  verb.add_option("--id", args.filter.id, "Only the letter of this event")->type_name("EVENT");
}

CLI::App& add_change(Commands& commands, CLI::App& dlq, Verb described_verb, const Change& change,
                     const std::shared_ptr<DlqArgs>& args) {
  described_verb.view = &task_view();
  // `change` is one of the constants above, so that the reference outlives the verb.
  described_verb.run = [args, &change](Session& session) {
    return change_letters(session, *args, change);
  };
  auto& verb = commands.verb(dlq, std::move(described_verb));
  add_filters(verb, *args);
  verb.add_flag("--dry-run", args->dry_run, "Count the letters, change nothing");
  verb.add_flag("--no-wait", args->no_wait, "Start it and return");
  return verb;
}

CLI::Option* add_limit(CLI::App& verb, DlqArgs& args) {
  return verb.add_option("-n,--limit", args.limit, "At most so many")
      ->check(whole_number(1, 1000))
      ->type_name("N")
      ->capture_default_str();
}

}  // namespace

void add_dlq(Commands& commands) {
  auto& dlq =
      commands.group("dlq", "Dead letters, events that no try could process", purpose::kOperate);
  auto list_args = std::make_shared<DlqArgs>();
  auto& list_verb = commands.verb(
      dlq, {.name = "list",
            .summary = "List dead letters by cause and tenant, the most first",
            .details = "Letters are of one cause whose texts differ in ids, numbers, addresses and "
                       "what they quote alone. `mesh dlq show` lists the single letters. With "
                       "--tenant only that tenant's letters are counted.",
            .examples = "mesh dlq list\nmesh dlq list user.events --cause schema\n",
            .tenant = TenantUse::restricts,
            .view = &cause_view(),
            .run = [list_args](Session& session) { return list(session, *list_args); }});
  list_verb.add_option("TOPIC", list_args->topic, "Only of this topic");
  list_verb.add_option("--cause", list_args->filter.cause, "Only this class or fingerprint")
      ->type_name("CAUSE");
  add_limit(list_verb, *list_args);
  auto show_args = std::make_shared<DlqArgs>();
  auto& verb = commands.verb(
      dlq, {.name = "show",
            .summary = "Show letters, the newest first",
            .details = "With --tenant only that tenant's letters. -o json shows the events "
                       "too; edited, they go back by `mesh events publish -`.",
            .examples =
                "mesh dlq show user.events\n"
                "mesh dlq show --cause 9b1f0c44d2ae\n"
                "mesh dlq show chemical.events --tenant acme --cause schema --limit 20 -o json\n",
            .tenant = TenantUse::restricts,
            .view = &letter_view(),
            .run = [show_args](Session& session) { return show(session, *show_args); }});
  add_filters(verb, *show_args);
  add_limit(verb, *show_args);
  auto redrive_args = std::make_shared<DlqArgs>();
  add_change(commands, dlq,
             {.name = "redrive",
              .summary = "Put letters back into their topics, to be processed again",
              .details = "With --tenant only that tenant's letters. Waits until it is known what "
                         "became of each event, a minute at most or as long as --timeout says: "
                         "exit code 6 where some died again, 7 where some are still pending. The "
                         "server does it as a task, waiting included: Ctrl-C leaves it running.",
              .examples = "mesh dlq redrive user.events --dry-run\n"
                          "mesh dlq redrive user.events --tenant acme --cause timeout --yes\n"
                          "mesh dlq redrive --cause 9b1f0c44d2ae --rate 50/s --dry-run\n"
                          "mesh dlq redrive chemical.events --yes --timeout 10m\n",
              .tenant = TenantUse::restricts},
             kRedrive, redrive_args)
      .add_option("--rate", redrive_args->rate, "At most so many letters a second")
      ->type_name("N/s");
  add_change(
      commands, dlq,
      {.name = "purge",
       .summary = "Settle letters for good, without processing them",
       .details = "With --tenant only that tenant's letters. The server does it as a task: Ctrl-C "
                  "leaves it running.",
       .examples = "mesh dlq purge user.events --dry-run\n"
                   "mesh dlq purge user.events --id 01938c5e-7c1a-7000-8000-000000000001 --yes\n",
       .tenant = TenantUse::restricts},
      kPurge, std::make_shared<DlqArgs>());
  add_dlq_edit(commands, dlq);
}

}  // namespace mesh::cli
