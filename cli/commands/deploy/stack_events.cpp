#include "cli/commands/deploy/stack_events.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "cli/render/view.h"
#include "common/base/strings.h"
#include "common/base/time.h"

namespace mesh::cli::deploy {
namespace {

using Kind = StackEvent::Kind;

constexpr std::size_t kMostErrors = 5;

struct Type {
  const char* name;
  Kind kind;
};
constexpr std::array kTypes{
    Type{"planned_change", Kind::planned}, Type{"apply_start", Kind::began},
    Type{"apply_progress", Kind::goes_on}, Type{"apply_complete", Kind::complete},
    Type{"apply_errored", Kind::failed},   Type{"diagnostic", Kind::diagnostic}};

bool has(const std::string& text, const char* part) { return text.find(part) != text.npos; }

// "  ID:        0f3c…" of the detail of a lock.
std::string line_of(const std::string& detail, const std::string& name) {
  for (const auto& line : split(detail, '\n')) {
    const auto text = trim(line);
    if (text.starts_with(name + ":")) return std::string(trim(text.substr(name.size() + 1)));
  }
  return {};
}

Error lock_error(const StackEvent& event, const ByHand& by_hand) {
  const std::string id = line_of(event.detail, "ID"), who = line_of(event.detail, "Who");
  const std::string when = line_of(event.detail, "Created");
  std::string text = "the state is locked";
  // A table or bucket that is not there says the same, without a lock's ID.
  if (id.empty())
    return {ErrorKind::conflict, text + ", or its place is not there: " + event.detail};
  text += " by " + who + " since " + when + " (lock " + id + ")";
  return {ErrorKind::conflict,
          text + "; wait for it with --lock-timeout 10m; where nobody works any more, `" +
              by_hand.terraform + " force-unlock " + id + "` takes it away"};
}

// A provider that is interrupted drops its call, also one that AWS has done already: what that made
// is in no state. "creating IAM Role (mesh-node): …, EntityAlreadyExists: …" names it.
std::string advice_for_existing(const StackEvent& event, const ByHand& by_hand) {
  constexpr std::string_view kBefore = "creating ";
  std::string what = "what is there already", id = "ID";
  const auto open = event.summary.find(" ("), close = event.summary.find(')');
  if (event.summary.starts_with(kBefore) && open != std::string::npos &&
      open < event.summary.find(':') && close != std::string::npos && close > open) {
    id = event.summary.substr(open + 2, close - open - 2);
    what = "the " + event.summary.substr(kBefore.size(), open - kBefore.size()) + " " + id;
  }
  return "AWS has it and the state has not, as after a run that was interrupted: delete " + what +
         " in AWS, or take it in by `" + by_hand.terraform + " import" + by_hand.variables + " " +
         shell_word(event.address) + " " + shell_word(id) + "`; then the same command goes on";
}

std::string text_of(const StackEvent& event) {
  std::string text = event.summary;
  const std::string detail(trim(event.detail));
  if (!detail.empty()) text += ": " + detail;
  std::ranges::replace(text, '\n', ' ');
  if (!event.address.empty()) text += " (" + event.address + ")";
  return text;
}

}  // namespace

std::optional<StackEvent> parse_event(const std::string& line) {
  if (!line.starts_with('{')) return {};
  const auto json = parse_json(line, {.max_depth = 64, .max_bytes = std::size_t{4} << 20});
  if (!json) return {};
  const std::string type = text_at(*json, "type");
  const auto known = std::ranges::find(kTypes, type, &Type::name);
  if (known == kTypes.end()) return {};
  StackEvent event{.kind = known->kind};
  const bool planned = event.kind == Kind::planned;
  event.address = text_at(*json, planned ? "change.resource.addr" : "hook.resource.addr");
  event.action = text_at(*json, planned ? "change.action" : "hook.action");
  const Json& seconds = at_path(*json, "hook.elapsed_seconds");
  if (seconds.is_number()) event.seconds = seconds.get<int>();
  if (event.kind == Kind::diagnostic) {
    event.error = text_at(*json, "diagnostic.severity") == "error";
    event.summary = text_at(*json, "diagnostic.summary");
    event.detail = text_at(*json, "diagnostic.detail");
    event.address = text_at(*json, "diagnostic.address");
  }
  return event;
}

std::string told(const StackEvent& event) {
  if (event.kind != Kind::complete && event.kind != Kind::failed) return {};
  const std::string took = " (" + format_duration(std::chrono::seconds(event.seconds)) + ")";
  if (event.kind == Kind::failed) return "! " + event.address + " failed" + took;
  if (event.action == "create") return "+ " + event.address + " created" + took;
  if (event.action == "delete") return "- " + event.address + " deleted" + took;
  if (event.action == "update") return "~ " + event.address + " changed" + took;
  return {};
}

std::string shell_word(const std::string& word) {
  const bool plain = std::ranges::all_of(word, [](unsigned char c) {
    return std::isalnum(c) ||
           std::string_view("-_./:=@%+,").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (plain && !word.empty()) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

Error stack_error(const std::vector<StackEvent>& diagnostics, const ByHand& by_hand) {
  std::vector<std::string> texts;
  ErrorKind kind = ErrorKind::conflict;
  for (const StackEvent& event : diagnostics) {
    if (!event.error) continue;
    if (has(event.summary, "Error acquiring the state lock")) return lock_error(event, by_hand);
    const std::string text = text_of(event);
    if (has(text, "No valid credential sources") || has(text, "ExpiredToken") ||
        has(text, "InvalidClientTokenId")) {
      kind = ErrorKind::unauthenticated;
    } else if (has(text, "Invalid value for variable") || has(text, "undeclared variable") ||
               has(text, "No value for required variable")) {
      kind = ErrorKind::invalid;
    }
    if (texts.size() >= kMostErrors) continue;
    const bool exists = has(text, "AlreadyExists") || has(text, "already exists");
    texts.push_back(exists ? text + "\n    " + advice_for_existing(event, by_hand) : text);
  }
  if (texts.empty()) return {kind, "terraform failed without a word"};
  return {kind, "terraform: " + join(texts, "\n  ")};
}

}  // namespace mesh::cli::deploy
