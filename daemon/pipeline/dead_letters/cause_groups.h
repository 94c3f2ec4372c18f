// Dead letters by what they have in common: topic, tenant and the fingerprint of their cause.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "daemon/pipeline/dead_letters/dead_letters.h"

namespace mesh::pipeline {

struct CauseGroup {
  std::string topic, tenant, fingerprint;
  std::string cause_class, cause;  // the latter as general_cause has it
  std::int64_t letters = 0;
  Timestamp first{}, last{};  // deaths
};
Json to_json(const CauseGroup& group);

// Not synchronized.
class CauseGroups {
 public:
  // Letters of further ones are counted together, in a group with the fingerprint "(others)".
  static constexpr std::size_t kMost = 10'000;

  void add(const DeadLetter& letter);
  // Those with the most letters first, at most `limit`.
  std::vector<CauseGroup> largest(std::size_t limit) const;

 private:
  using Key = std::tuple<std::string, std::string, std::string>;  // as the group's first members
  std::map<Key, CauseGroup> groups_;
};

}  // namespace mesh::pipeline
