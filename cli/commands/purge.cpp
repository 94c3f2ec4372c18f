#include "cli/commands/purge.h"

#include <algorithm>
#include <filesystem>

#include "cli/commands/follow_task.h"
#include "cli/files.h"
#include "cli/render/width.h"
#include "common/base/strings.h"
#include "common/base/time.h"

namespace mesh::cli {
namespace {

std::string after_text(const Json& remains) {
  const std::string why = plain_text(remains);
  return why.empty() ? "gone" : "remains: " + why;
}

const View& plan_view() {
  static const View view{
      "place",
      {{"place", "PLACE", "what keeps it: a table of the store, a topic, an index"},
       {"count", "COUNT", "rows, records or vectors", Field::Show::always, Field::Kind::count},
       {"remains", "AFTER", "what becomes of it", Field::Show::always, Field::Kind::text,
        after_text}},
      "AFTER"};
  return view;
}

std::int64_t number(const Json& place, const char* member) {
  const Json& value = at_path(place, member);
  return value.is_number_integer() ? value.get<std::int64_t>() : 0;
}

// "acme", "acme/7".
std::string name_of(const PurgeArgs& args) {
  return args.user == 0 ? args.tenant : args.tenant + "/" + std::to_string(args.user);
}

std::string described(const PurgeArgs& args) {
  return args.user == 0 ? "tenant " + args.tenant
                        : "user " + std::to_string(args.user) + " of tenant " + args.tenant;
}

std::string receipt_file(const Session& session, const PurgeArgs& args) {
  if (!args.receipt.empty()) return args.receipt;
  std::string name = name_of(args);
  std::ranges::replace(name, '/', '-');
  return "purge-" + name + "-" + format_rfc3339(session.clock.now()).substr(0, 10) + ".json";
}

Result<Json> ask(Session& session, const PurgeArgs& args, bool dry_run) {
  return session.mesh->purge_tenant(
      args.tenant, args.user == 0 ? std::string() : std::to_string(args.user), dry_run);
}

// A yes is said too soon: what goes is gone everywhere.
Status confirm_by_name(Session& session, const PurgeArgs& args) {
  const std::string name = name_of(args);
  if (!args.confirm.empty()) {
    if (args.confirm == name) return {};
    return fail(ErrorKind::invalid, "--confirm names \"" + args.confirm +
                                        "\", and the purge is of \"" + name +
                                        "\"; nothing was done");
  }
  const Terminal& terminal = session.out.terminal();
  if (!terminal.in || !terminal.err) {
    return fail(ErrorKind::invalid,
                "this cannot be undone, and there is no terminal to ask on: give --confirm " +
                    name + " to go on");
  }
  session.out.notes() << printable_lines("All of this goes for good, of " + described(args) +
                                         ". Type " + name + " to go on:")
                      << " " << std::flush;
  std::string answer;
  std::getline(session.in, answer);
  if (trim(answer) == name) return {};
  return fail(ErrorKind::cancelled, "nothing was done");
}

// What holds nothing is nothing to read.
std::vector<Json> with_any(std::vector<Json> places) {
  std::erase_if(places, [](const Json& place) {
    return number(place, "count") == 0 && number(place, "erased") == 0;
  });
  return places;
}

std::vector<Json> places_of(const Json& task) {
  const Json& parts = at_path(task, "result.parts");
  return parts.is_array() ? std::vector<Json>(parts.begin(), parts.end()) : std::vector<Json>();
}

std::string where_the_receipt_is(const std::string& id) {
  return "`mesh tasks get " + id + " -o json` has the receipt as result.receipt once it has ended";
}

Outcome carry_out(Session& session, const PurgeArgs& args, const std::string& file) {
  const auto task = MESH_TRY(ask(session, args, false));
  const std::string id = plain_text(at_path(task, "id"));
  if (args.no_wait) {
    session.out.note(where_the_receipt_is(id));
    return started(session, task, true);
  }
  const auto [ended, left] = await_task(session, id);
  if (!ended) {
    session.out.note(where_the_receipt_is(id));
    return left;
  }
  const auto places = with_any(places_of(*ended));
  session.out.items(place_view(), places);
  if (at_path(*ended, "state") != "done") {
    session.out.note("mesh: the purge has not ended well: " +
                     plain_text(at_path(*ended, "summary")));
    return Exit::failure;
  }
  const Json& receipt = at_path(*ended, "result.receipt");
  if (auto written = write_new_file(file, dump(receipt, 2) + "\n"); !written) {
    session.out.note(where_the_receipt_is(id));
    return fail(written.error());
  }
  session.out.note(described(args) + " is purged: " + plain_text(at_path(*ended, "summary")) +
                   "; " + plain_text(at_path(receipt, "receipt.backups")));
  session.out.note("the receipt is in " + file + "; `mesh verify-receipt " + file +
                   "` counts again");
  return Exit::ok;
}

}  // namespace

const View& place_view() {
  static const View view{
      "place",
      {{"place", "PLACE", "what keeps it: a table of the store, a topic, an index"},
       {"erased", "ERASED", "rows, records or vectors that went", Field::Show::always,
        Field::Kind::count},
       {"count", "LEFT", "what is there now", Field::Show::always, Field::Kind::count},
       {"remains", "WHY", "why it remains, and what ends that"}},
      "WHY"};
  return view;
}

CountedPlaces counted_places(Session& session, const Result<Json>& task) {
  if (!task) return {{}, fail(task.error())};
  auto [ended, left] = await_task(session, plain_text(at_path(*task, "id")));
  if (!ended) return {{}, std::move(left)};
  if (at_path(*ended, "state") == "done") return {places_of(*ended), Exit::ok};
  return {{},
          fail(ErrorKind::internal,
               "the count has not ended well: " + plain_text(at_path(*ended, "summary")))};
}

bool can_go(const Json& place) { return plain_text(at_path(place, "remains")).empty(); }

Outcome purge(Session& session, const PurgeArgs& args) {
  const std::string file = receipt_file(session, args);
  // Before anything goes: what was erased without a receipt cannot be erased again for one.
  if (!args.dry_run && std::filesystem::exists(file)) {
    return fail(ErrorKind::invalid,
                file + " exists, and is not overwritten: name another with --receipt");
  }
  const auto counted = counted_places(session, ask(session, args, true));
  if (!counted.places) return counted.left;
  const auto places = with_any(*counted.places);
  if (args.dry_run || session.out.for_people()) session.out.items(plan_view(), places);
  // The task that has counted is itself among what remains.
  const bool any = std::ranges::any_of(places, can_go);
  if (!any) session.out.note("nothing that can go is kept of " + described(args));
  if (args.dry_run || !any) return Exit::ok;
  MESH_TRY(confirm_by_name(session, args));
  return carry_out(session, args, file);
}

void add_purge_options(CLI::App& verb, PurgeArgs& args, const std::string& name) {
  verb.add_option("--confirm", args.confirm,
                  "The name that is else typed, " + name + ", where there is no terminal")
      ->type_name("NAME");
  verb.add_option(
          "--receipt", args.receipt,
          "Write the receipt to this file, which must not be there (./purge-NAME-DATE.json)")
      ->type_name("FILE");
  verb.add_flag("--dry-run", args.dry_run, "Show what there is, change nothing");
  verb.add_flag("--no-wait", args.no_wait, "Start it and return; the task keeps the receipt");
}

}  // namespace mesh::cli
