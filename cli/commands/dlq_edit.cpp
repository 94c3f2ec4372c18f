#include <stdlib.h>  // mkdtemp
#include <unistd.h>

#include "cli/commands/dlq.h"
#include "cli/commands/mend.h"
#include "cli/commands/wait_options.h"
#include "cli/editor.h"
#include "cli/files.h"
#include "cli/render/width.h"
#include "common/base/ids.h"
#include "common/base/strings.h"

namespace mesh::cli {
namespace {

constexpr std::size_t kMaxBytes = 4 << 20;

struct EditArgs {
  std::string topic, id;
  WaitOptions wait;
};

// "# " before each line.
std::string commented(const std::string& text) {
  std::string out;
  for (const auto& line : split(text, '\n')) out += "# " + printable(line) + "\n";
  return out;
}

std::string without_comments(const std::string& text) {
  std::string out;
  for (const auto& line : split(text, '\n')) {
    if (!line.starts_with('#')) out += line + "\n";
  }
  return std::string(trim(out));
}

std::string what_died(const Json& letter) {
  return "Edit the event. Lines that begin with # are left out; saved unchanged or empty, nothing "
         "is done.\n" +
         plain_text(at_path(letter, "topic")) + " " + plain_text(at_path(letter, "partition")) +
         ":" + plain_text(at_path(letter, "offset")) + " died of " +
         plain_text(at_path(letter, "cause_class")) + ": " + plain_text(at_path(letter, "cause"));
}

// What is put before the person: the letter's event, or what a record that cannot be decoded
// leaves.
Json event_to_edit(const Session& session, const Json& letter) {
  constexpr JsonLimits kShown{.max_bytes = kMaxBytes, .exact_numbers = true};
  if (const Json& event = at_path(letter, "event"); event.is_object()) {
    auto whole = parse_json(dump(event), kShown);  // its data is one line of text until here
    return whole ? std::move(*whole) : event;
  }
  Json event{{"specversion", "1.0"},
             {"id", new_uuid_v7(session.clock.now())},
             {"type", ""},
             {"source", "mesh-cli"},
             {"tenantid", at_path(letter, "tenant")}};
  const Json& value = at_path(letter, "value");
  event["data"] = value;
  if (!value.is_string()) return event;
  auto data = parse_json(value.get_ref<const std::string&>(), kShown);
  if (data) event["data"] = std::move(*data);
  return event;
}

// A file in a folder of its own, gone when it goes unless it is kept.
class Draft {
 public:
  ~Draft() {
    if (folder_.empty() || kept_) return;
    ::unlink(path_.c_str());
    ::rmdir(folder_.c_str());
  }
  Status make(const Session& session) {
    const char* tmp = session.surroundings.env("TMPDIR");
    // mkdtemp makes it for this user alone: an event may hold what others are not to read.
    std::string folder = std::string(tmp != nullptr && *tmp != 0 ? tmp : "/tmp") + "/mesh-XXXXXX";
    if (::mkdtemp(folder.data()) == nullptr) return system_error("make the folder", folder);
    folder_ = std::move(folder);
    path_ = folder_ + "/event.json";
    return {};
  }
  const std::string& path() const { return path_; }
  Error keep(Error error) {
    kept_ = true;
    error.message += "; nothing was done, and what was edited is in " + path_;
    return error;
  }

 private:
  std::string folder_, path_;
  bool kept_ = false;
};

// Edits until the server takes it, or the person leaves it as it is; nothing where nothing was
// done.
Result<std::optional<client::MendedLetter>> edit(Session& session, const Json& letter,
                                                 const client::WriteOptions& write) {
  Draft draft;
  MESH_TRY(draft.make(session));
  std::string text = dump(event_to_edit(session, letter), 2);
  std::string note = what_died(letter);
  const std::string original = text;
  for (std::optional<Error> refused;;) {
    // What the editor is given this time, to know below whether the person left it as it was.
    const std::string shown = text;
    MESH_TRY(write_private_file(draft.path(), commented(note) + text + "\n"));
    auto ended = run_editor(session.surroundings, draft.path());
    // After a refusal the file holds work that is not to be lost; before, it is what the server
    // has.
    if (!ended) return fail(refused ? draft.keep(*refused) : ended.error());
    auto edited = MESH_TRY(read_file(draft.path(), kMaxBytes));
    text = without_comments(edited);
    // Also after a refusal: whoever goes back to what died has nothing to mend.
    if (text.empty() || text == original) return std::nullopt;
    if (refused && text == shown) return fail(draft.keep(*refused));
    // Only its syntax is looked at. The text itself goes to the server, so that numbers stay as
    // they were typed.
    const auto json = parse_json(text, {.max_bytes = kMaxBytes});
    const Letter back{plain_text(letter["topic"]), letter["partition"], letter["offset"], text};
    auto mended =
        json ? mend_letter(session, back, write) : Result<client::MendedLetter>(fail(json.error()));
    if (mended) return std::move(*mended);
    const Error& error = mended.error();
    const bool mendable = error.kind == ErrorKind::unprocessable ||
                          error.kind == ErrorKind::invalid || error.kind == ErrorKind::too_large;
    // An editor that is a script would be run for ever.
    if (!mendable || !session.out.terminal().in) return fail(draft.keep(error));
    refused = error;
    note = "It was refused: " + refusal_text(error) +
           "\nMend it, or leave it as it is to give up.\n" + what_died(letter);
  }
}

Outcome edit_letter(Session& session, const EditArgs& args) {
  client::WriteOptions write;
  MESH_TRY(set_wait(write, args.wait));
  const std::string topic = letters_of(args.topic);
  client::LetterFilter filter;
  filter.tenant = session.settings.tenant;
  filter.id = args.id;
  // Two at most, newest first: enough to say that there are more.
  auto letters = MESH_TRY(session.mesh->dead_letters(topic, filter, 2));
  if (letters.empty()) {
    return fail(ErrorKind::not_found, "no letter of event \"" + args.id + "\" in " + topic);
  }
  if (letters.size() > 1) {
    session.out.note("event " + printable(args.id) +
                     " has more than one letter; this is the newest");
  }
  auto mended = MESH_TRY(edit(session, letters.front(), write));
  if (!mended) {
    session.out.note("unchanged: nothing was done");
    return Exit::ok;
  }
  session.out.note("event " + printable(mended->id) +
                   " went back as edited, and its letter is settled; `mesh dlq show " + topic +
                   "` shows whether it died again");
  return seen(session, mended->written);
}

}  // namespace

void add_dlq_edit(Commands& commands, CLI::App& dlq) {
  auto args = std::make_shared<EditArgs>();
  auto& verb = commands.verb(
      dlq,
      {.name = "edit",
       .summary = "Mend the event of a letter in an editor and send it back",
       .details = "Opens the event in $VISUAL or $EDITOR (vi). Saved with changes it is checked "
                  "as a published event is, goes back to its topic, and the letter is settled, "
                  "both or neither; what is refused opens again with the reason. To mend many, "
                  "pipe `mesh dlq show -o json` through jq into `mesh events publish -`.",
       .examples = "mesh dlq edit chemical.events --id 01938c5e-7c1a-7000-8000-000000000001\n"
                   "mesh dlq edit user.events --tenant acme --id order-4711 --wait\n",
       .tenant = TenantUse::restricts,
       .run = [args](Session& session) { return edit_letter(session, *args); }});
  verb.add_option("TOPIC", args->topic, "The topic, or its dead-letter topic")->required();
  verb.add_option("--id", args->id, "The event's id")->type_name("EVENT")->required();
  add_wait(verb, args->wait, "its pipeline has handled it", kLetterAcks);
}

}  // namespace mesh::cli
