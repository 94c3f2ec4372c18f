// Tells the others that this process is there.
#pragma once

#include <functional>

#include "common/base/periodic.h"
#include "common/ports/member_store.h"

namespace mesh {

// A member from the first sign of life, before the constructor returns, until stop(). What of it
// changes is asked for with each sign.
class Membership {
 public:
  // What is given outlives it.
  Membership(MemberStore& members, Clock& clock, Member self,
             std::function<std::vector<std::string>()> feeds);
  ~Membership();  // stop()
  // Leaves. Callable twice.
  void stop();

 private:
  void tell();

  MemberStore& members_;
  Member self_;
  const std::function<std::vector<std::string>()> feeds_;
  bool left_ = false;
  Periodic heart_;  // last: it uses all of the above
};

}  // namespace mesh
