// The consumer groups of the mesh: which topic each reads, and what its events are once it has
// committed them.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace mesh::pipeline {

struct TopicGroup {
  const char* group;
  const char* topic;
  const char* done;  // in the words of ?ack=
};

// Of the index each generation has a group of its own: generation_group.
inline constexpr TopicGroup kUserIndex{"user-index", "user.events", "searchable"};
inline constexpr TopicGroup kAnalytics{"analytics", "analytics.events", "counted"};
inline constexpr TopicGroup kChemical{"chemical", "chemical.events", "counted"};
inline constexpr TopicGroup kMetering{"metering", "billing.events", "counted"};
inline constexpr std::array kTopicGroups{kUserIndex, kAnalytics, kChemical, kMetering};

// Null for a topic that no pipeline reads.
inline const TopicGroup* group_of(std::string_view topic) {
  const auto at =
      std::ranges::find_if(kTopicGroups, [&](const auto& reads) { return reads.topic == topic; });
  return at == kTopicGroups.end() ? nullptr : at;
}

// Whether a group, or pipeline, is that of a generation of the index.
inline bool is_of_index(std::string_view group) {
  return group.starts_with(std::string(kUserIndex.group) + "-");
}

// The group that keeps the searchable events of a topic, "<entity>.events", searchable.
inline constexpr std::string_view kEventIndex = "event-index";
inline std::string event_group(std::string_view topic) {
  return std::string(kEventIndex) + "-" + std::string(topic.substr(0, topic.find('.')));
}
inline bool is_of_event_index(std::string_view group) {
  return group.starts_with(std::string(kEventIndex) + "-");
}

inline std::string generation_group(std::string_view index_group, int number) {
  return std::string(index_group) + "-" + std::to_string(number);
}

}  // namespace mesh::pipeline
