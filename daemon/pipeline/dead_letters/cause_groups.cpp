#include "daemon/pipeline/dead_letters/cause_groups.h"

#include <algorithm>

#include "common/base/time.h"
#include "common/domain/cause.h"

namespace mesh::pipeline {
namespace {

constexpr const char* kOthers = "(others)";

}  // namespace

Json to_json(const CauseGroup& group) {
  return {{"topic", group.topic},
          {"tenant", group.tenant},
          {"fingerprint", group.fingerprint},
          {"cause_class", group.cause_class},
          {"cause", group.cause},
          {"letters", group.letters},
          {"first", format_rfc3339(group.first)},
          {"last", format_rfc3339(group.last)}};
}

void CauseGroups::add(const DeadLetter& letter) {
  Key key{letter.position.topic, letter.tenant, letter.fingerprint};
  auto found = groups_.find(key);
  if (found == groups_.end()) {
    CauseGroup group{letter.position.topic,
                     letter.tenant,
                     letter.fingerprint,
                     letter.cause_class,
                     general_cause(letter.cause),
                     0,
                     letter.died_at,
                     letter.died_at};
    if (groups_.size() >= kMost) {
      key = {"", "", kOthers};
      group.topic = group.tenant = group.cause_class = group.cause = "";
      group.fingerprint = kOthers;
    }
    found = groups_.try_emplace(std::move(key), std::move(group)).first;
  }
  CauseGroup& group = found->second;
  ++group.letters;
  group.first = std::min(group.first, letter.died_at);
  group.last = std::max(group.last, letter.died_at);
}

std::vector<CauseGroup> CauseGroups::largest(std::size_t limit) const {
  std::vector<CauseGroup> all;
  all.reserve(groups_.size());
  for (const auto& [key, group] : groups_) all.push_back(group);
  std::ranges::stable_sort(
      all, [](const CauseGroup& a, const CauseGroup& b) { return a.letters > b.letters; });
  if (all.size() > limit) all.erase(all.begin() + static_cast<std::ptrdiff_t>(limit), all.end());
  return all;
}

}  // namespace mesh::pipeline
