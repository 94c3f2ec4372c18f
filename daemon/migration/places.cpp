#include "daemon/migration/places.h"

namespace mesh::migration {

void Places::want(const TopicPartition& partition, std::int64_t offset) {
  Offsets& offsets = partitions_[partition];
  if (!offsets.found.contains(offset)) offsets.wanted.insert(offset);
}

void Places::passed(const TopicPartition& partition, std::int64_t offset, std::int64_t to) {
  const auto it = partitions_.find(partition);
  if (it == partitions_.end()) return;
  auto& [wanted, found] = it->second;
  while (!wanted.empty() && *wanted.begin() <= offset) {
    found[*wanted.begin()] = {to, *wanted.begin() == offset};
    wanted.erase(wanted.begin());
  }
}

void Places::ended(const TopicPartition& partition, std::int64_t to) {
  const auto it = partitions_.find(partition);
  if (it == partitions_.end()) return;
  for (const auto offset : it->second.wanted) it->second.found[offset] = {to, false};
  it->second.wanted.clear();
}

std::optional<Place> Places::find(const TopicPartition& partition, std::int64_t offset) const {
  const auto it = partitions_.find(partition);
  if (it == partitions_.end()) return {};
  const auto place = it->second.found.find(offset);
  if (place == it->second.found.end()) return {};
  return place->second;
}

std::optional<std::int64_t> Places::first_wanted(const TopicPartition& partition) const {
  const auto it = partitions_.find(partition);
  if (it == partitions_.end() || it->second.wanted.empty()) return {};
  return *it->second.wanted.begin();
}

Json Places::to_json() const {
  Json all = Json::array();
  for (const auto& [partition, offsets] : partitions_) {
    Json found = Json::array();
    for (const auto& [from, place] : offsets.found) {
      found.push_back({from, place.offset, place.exact});
    }
    all.push_back({partition.topic, partition.partition, std::move(found)});
  }
  return all;
}

void Places::from_json(const Json& json) {
  for (const Json& entry : json) {
    auto& [wanted, found] = partitions_[{entry.at(0), entry.at(1)}];
    for (const Json& place : entry.at(2)) {
      found[place.at(0)] = {place.at(1), place.at(2)};
      wanted.erase(place.at(0));
    }
  }
}

}  // namespace mesh::migration
