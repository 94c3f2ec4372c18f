#include "cli/commands/deploy/troubles.h"

#include <algorithm>

#include "cli/render/view.h"

namespace mesh::cli::deploy {
namespace {

std::string reason_and_message(const Json& state) {
  const std::string reason = text_at(state, "reason"), message = text_at(state, "message");
  return message.empty() ? reason : reason.empty() ? message : reason + ": " + message;
}

// A container that waits, or has ended badly.
std::string trouble_of(const Json& container) {
  if (const Json& waiting = at_path(container, "state.waiting"); waiting.is_object()) {
    // These two pass by themselves.
    const std::string reason = text_at(waiting, "reason");
    if (reason != "ContainerCreating" && reason != "PodInitializing")
      return reason_and_message(waiting);
  }
  for (const char* path : {"state.terminated", "lastState.terminated"}) {
    const Json& ended = at_path(container, path);
    if (!ended.is_object() || at_path(ended, "exitCode") == Json(0)) continue;
    const std::string code = plain_text(at_path(ended, "exitCode"));
    return "ended with exit code " + code + ", " + reason_and_message(ended);
  }
  return {};
}

bool is_ready(const Json& pod) {
  if (text_at(pod, "status.phase") == "Succeeded") return true;
  const Json& conditions = at_path(pod, "status.conditions");
  return conditions.is_array() && std::ranges::any_of(conditions, [](const Json& condition) {
           return text_at(condition, "type") == "Ready" && text_at(condition, "status") == "True";
         });
}

std::string condition_of(const Json& pod) {
  const Json& conditions = at_path(pod, "status.conditions");
  if (!conditions.is_array()) return {};
  for (const Json& condition : conditions) {
    const bool bad = text_at(condition, "status") == "False";
    if (bad && !text_at(condition, "message").empty()) return reason_and_message(condition);
  }
  return {};
}

}  // namespace

std::vector<Trouble> troubles_of(const Json& pods) {
  std::vector<Trouble> all;
  const Json& items = at_path(pods, "items");
  if (!items.is_array()) return all;
  for (const Json& pod : items) {
    if (is_ready(pod)) continue;
    Trouble trouble{.pod = text_at(pod, "metadata.name")};
    for (const char* list : {"status.initContainerStatuses", "status.containerStatuses"}) {
      const Json& containers = at_path(pod, list);
      if (!containers.is_array() || !trouble.reason.empty()) continue;
      for (const Json& container : containers) {
        const bool begun = at_path(container, "state.running").is_object() ||
                           at_path(container, "state.terminated").is_object() ||
                           at_path(container, "lastState.terminated").is_object();
        trouble.reason = trouble_of(container);
        if (begun && at_path(container, "ready") != Json(true)) {
          trouble.container = text_at(container, "name");
          trouble.restarted = at_path(container, "lastState.terminated").is_object() &&
                              !at_path(container, "state.running").is_object();
        }
        if (!trouble.reason.empty()) break;
      }
    }
    if (trouble.reason.empty()) trouble.reason = condition_of(pod);
    if (trouble.reason.empty()) trouble.reason = "not ready";
    all.push_back(std::move(trouble));
  }
  return all;
}

std::vector<std::string> warnings_of(const Json& events, std::size_t count) {
  std::vector<std::pair<std::string, std::string>> found;
  const Json& items = at_path(events, "items");
  if (!items.is_array()) return {};
  for (const Json& event : items) {
    if (text_at(event, "type") != "Warning") continue;
    std::string at = text_at(event, "lastTimestamp");
    if (at.empty()) at = text_at(event, "eventTime");
    found.emplace_back(at, reason_and_message(event));
  }
  std::ranges::stable_sort(found, {}, &std::pair<std::string, std::string>::first);
  if (found.size() > count) found.erase(found.begin(), found.end() - static_cast<long>(count));
  std::vector<std::string> texts;
  for (auto& [at, text] : found) texts.push_back(std::move(text));
  return texts;
}

}  // namespace mesh::cli::deploy
