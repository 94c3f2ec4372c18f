#include "cli/commands/deploy/stack_events.h"

#include <algorithm>
#include <array>

#include "cli/render/view.h"
#include "common/base/strings.h"
#include "common/base/time.h"

namespace mesh::cli::deploy {
namespace {

using Kind = StackEvent::Kind;

constexpr std::size_t kMostErrors = 5;

std::string text_at(const Json& json, std::string_view path) {
  const Json& value = at_path(json, path);
  return value.is_string() ? value.get<std::string>() : std::string();
}

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

Error lock_error(const StackEvent& event) {
  const std::string id = line_of(event.detail, "ID"), who = line_of(event.detail, "Who");
  const std::string when = line_of(event.detail, "Created");
  std::string text = "the state is locked";
  // A table or bucket that is not there says the same, without a lock's ID.
  if (id.empty())
    return {ErrorKind::conflict, text + ", or its place is not there: " + event.detail};
  text += " by " + who + " since " + when + " (lock " + id + ")";
  return {ErrorKind::conflict,
          text +
              "; wait for it with --lock-timeout 10m; where nobody works any more, `terraform "
              "force-unlock " +
              id + "` in the folder terraform beside the logs takes it away"};
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

Error stack_error(const std::vector<StackEvent>& diagnostics) {
  std::vector<std::string> texts;
  ErrorKind kind = ErrorKind::conflict;
  for (const StackEvent& event : diagnostics) {
    if (!event.error) continue;
    if (has(event.summary, "Error acquiring the state lock")) return lock_error(event);
    const std::string text = text_of(event);
    if (has(text, "No valid credential sources") || has(text, "ExpiredToken") ||
        has(text, "InvalidClientTokenId")) {
      kind = ErrorKind::unauthenticated;
    } else if (has(text, "Invalid value for variable") || has(text, "undeclared variable") ||
               has(text, "No value for required variable")) {
      kind = ErrorKind::invalid;
    }
    if (texts.size() < kMostErrors) texts.push_back(text);
  }
  if (texts.empty()) return {kind, "terraform failed without a word"};
  if (has(texts.front(), "AlreadyExists") || has(texts.front(), "already exists")) {
    texts.emplace_back(
        "what is there already and not in the state is deleted in AWS, or taken in by `terraform "
        "import`");
  }
  return {kind, "terraform: " + join(texts, "\n  ")};
}

}  // namespace mesh::cli::deploy
