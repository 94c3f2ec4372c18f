#include "daemon/membership.h"

#include "common/telemetry/log.h"

namespace mesh {
namespace {

constexpr Duration kBeat{5'000};
constexpr Duration kTtl{20'000};  // three signs may be lost

}  // namespace

Membership::Membership(MemberStore& members, Clock& clock, Member self,
                       std::function<std::vector<std::string>()> feeds)
    : members_(members),
      self_(std::move(self)),
      feeds_(std::move(feeds)),
      heart_(
          "membership", clock, kBeat, [this] { tell(); }, Periodic::Rest::keeps) {}

Membership::~Membership() { stop(); }

void Membership::tell() {
  // On the thread of the heart alone, or before it began, so without a lock.
  self_.feeds = feeds_();
  // Logged and no more: the next sign is soon, and this process works without being seen.
  if (auto told = members_.heartbeat(self_, kTtl); !told) {
    log::warn("the other processes were not told that this one is there",
              {{"error", told.error().to_string()}});
  }
}

void Membership::stop() {
  // First, or a last sign of life would bring the member back.
  heart_.stop();
  if (std::exchange(left_, true)) return;
  if (auto left = members_.leave(self_.id); !left) {
    log::warn("the other processes were not told that this one goes",
              {{"error", left.error().to_string()}});
  }
}

}  // namespace mesh
