// The processes of a mesh, so that each can be asked for the others.
#pragma once

#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/error.h"

namespace mesh {

struct Member {
  std::string id;  // of one start of a process: another start is another member
  std::vector<std::string> roles;
  std::vector<std::string> addresses;  // where it listens, as "admin 127.0.0.1:7004"
  std::string version;
  Timestamp since{};
  std::vector<std::string> feeds;  // pipelines and index generations
};

struct MemberInfo {
  Member member;
  Timestamp seen{};  // its last heartbeat
};

// Any thread; quick (memory) or one round trip. Time is the engine's own, so that the clocks of
// processes need not agree.
class MemberStore {
 public:
  virtual ~MemberStore() = default;
  // A member for `ttl` from now on, and is gone at that instant. Takes the place of what it said
  // before.
  virtual Status heartbeat(const Member& member, Duration ttl) = 0;
  // Gone at once. Does nothing for one that is not there.
  virtual Status leave(const std::string& id) = 0;
  virtual Result<std::vector<MemberInfo>> list() = 0;  // those that are not gone, by id
};

}  // namespace mesh
