#include "daemon/pipeline/generations/rebuild.h"

#include <algorithm>

#include "common/telemetry/log.h"
#include "daemon/pipeline/generations/standing.h"
#include "daemon/pipeline/groups.h"
#include "daemon/pipeline/scan.h"
#include "daemon/pipeline/tasks/task_support.h"

namespace mesh::pipeline {
namespace {

constexpr Duration kRebuildLook{200};

std::int64_t sum(const Offsets& offsets) {
  std::int64_t total = 0;
  for (const auto& [partition, offset] : offsets) total += offset;
  return total;
}

int serving(const std::vector<GenerationInfo>& all) {
  const auto at = std::ranges::find_if(all, &GenerationInfo::serving);
  return at == all.end() ? 0 : at->number;
}

class Rebuild {
 public:
  Rebuild(TaskContext& context, const RebuildDeps& deps) : context_(context), deps_(deps) {}

  // While the task is its own, it outlives a lease that it loses, as in an outage of the store.
  Status run() {
    for (;;) {
      MESH_TRY(acquire());
      const auto built = attempt();
      if (built) return built;
      if (!keeper_->lost() || context_.stopping()) {
        clean_up();
        return built;
      }
      log::warn("a rebuild lost its lease, and goes on from its checkpoint",
                {{"task", context_.task().id}, {"error", built.error().to_string()}});
      context_.pause(kRebuildLook);
    }
  }

 private:
  std::string group(int number) const { return generation_group(deps_.keeper.prefix, number); }

  Status attempt() {
    MESH_TRY(begin());
    return build();
  }

  // Waits for an engine that is down, and keeps the lease meanwhile.
  template <typename Call>
  auto insist(Call call) -> decltype(call()) {
    return pipeline::insist(context_, std::move(call), [this]() -> Status {
      auto kept = keeper_->renew();
      // Where the store of leases is down, too, a later renewal tells.
      return !kept && kept.error().retryable() ? Status() : kept;
    });
  }

  // One that is at it, or who died at it, is waited for.
  Status acquire() {
    keeper_.reset();
    do {
      auto keeper =
          MESH_TRY(pipeline::insist(context_, [&] { return Keeper::acquire(deps_.keeper); }));
      if (keeper) {
        keeper_ = std::move(keeper);
        return {};
      }
      context_.pause(kRebuildLook);
    } while (!context_.stopping());
    return stopped_early();
  }

  // The generation of the task's checkpoint, where it is still of use, or a new one.
  Status begin() {
    auto all = MESH_TRY(insist([&] { return deps_.keeper.index.generations(); }));
    const int before = serving(all);
    int begun = context_.task().checkpoint.value("generation", 0);
    // Cancelled before it goes on: nothing is left to do but to clean up.
    if (context_.stopping()) {
      number_ = begun;
      served_ = before == begun;
      return stopped_early();
    }
    // One that is no shadow is dropped as an older one once the new one serves.
    if (begun == 0 && deps_.spec.shadow) {
      begun = MESH_TRY(insist([&] { return deps_.own_shadow(all); }));
    }
    const auto known = std::ranges::find(all, begun, &GenerationInfo::number);
    const bool fits = known != all.end() && known->spec.dimension == deps_.spec.dimension &&
                      known->spec.embedder == deps_.spec.embedder;
    if (fits) {
      number_ = begun;
    } else {
      if (known != all.end() && !known->serving) {
        MESH_TRY(insist([&] { return drop(begun); }));
      }
      if (deps_.spec.shadow) {
        std::erase_if(all, [&](const auto& info) { return info.number == begun; });
        MESH_TRY(no_shadow(all));
      }
      auto made = MESH_TRY(insist([&] { return keeper_->make(deps_.spec); }));
      number_ = made.number;
    }
    // Where it serves, the process ended between the flip and here.
    previous_ = before == number_ ? context_.task().checkpoint.value("previous", 0) : before;
    report(context_, 0, 0, {{"generation", number_}, {"previous", previous_}}, Json::object());
    served_ = before == number_;
    return {};
  }

  Status build() {
    if (!served_) {
      MESH_TRY(insist(deps_.reconcile));
      MESH_TRY(catch_up());
      if (context_.stopping()) return stopped_early();
      if (deps_.spec.shadow) return report_end();
      MESH_TRY(insist([&] { return keeper_->serve(number_); }));
      served_ = true;
    }
    auto all = MESH_TRY(insist([&] { return deps_.keeper.index.generations(); }));
    for (const GenerationInfo& info : all) {
      if (info.number == number_ || info.number == previous_ || info.spec.shadow) continue;
      MESH_TRY(insist([&] { return drop(info.number); }));
    }
    return report_end();
  }

  // It is through all that was to be done, also since the last look at it.
  Status report_end() {
    report(context_, context_.task().total, context_.task().total, context_.task().checkpoint,
           {{"generation", number_}, {"previous", previous_}});
    return {};
  }

  // Until it is through what the log held at a look, and has done what the serving one has. The end
  // of the log as it is now is no measure: while events keep coming, no pipeline ever stands at it
  // in all partitions.
  Status catch_up() {
    Offsets target;
    for (bool looked = false;; looked = true) {
      if (context_.stopping()) return stopped_early();
      MESH_TRY(insist([&] { return keeper_->renew(); }));
      if (const auto why = deps_.failure(number_)) {
        return fail(ErrorKind::corrupt, "the new generation cannot be built: " + *why);
      }
      auto through = MESH_TRY(insist([&] { return is_through_with(target); }));
      if (looked && through) return {};
      const auto at =
          MESH_TRY(insist([&] { return committed_by(deps_.keeper.admin, group(number_)); }));
      if (reached(at, target)) {
        auto held = MESH_TRY(
            insist([&] { return ends(deps_.log, deps_.keeper.admin, deps_.keeper.topics); }));
        target = std::move(held);
      }
      const std::int64_t total = sum(target);
      report(context_, std::min(sum(at), total), total,
             {{"generation", number_}, {"previous", previous_}}, Json::object());
      context_.pause(kRebuildLook);
    }
  }

  Result<bool> is_through_with(const Offsets& target) const {
    const auto served = MESH_TRY(committed_by(deps_.keeper.admin, group(previous_)));
    Offsets all = target;
    for (const auto& [partition, offset] : served) {
      all[partition] = std::max(all[partition], offset);
    }
    return is_through(deps_.keeper.admin, deps_.keeper.retries, group(number_), all);
  }

  // Its group goes here where no other process reads for it, else at a later look.
  Status drop(int number) {
    MESH_TRY(keeper_->drop(number));
    MESH_TRY(deps_.reconcile());
    const auto all = deps_.keeper.index.generations();
    return all ? keeper_->drop_groups(*all) : Status(fail(all.error()));
  }

  // What was begun and does not serve is of no use, unless the task goes on later.
  void clean_up() {
    if (number_ == 0 || served_ || (context_.stopping() && !context_.cancelled())) return;
    if (keeper_->lost()) {
      auto again = Keeper::acquire(deps_.keeper);
      if (again && *again) keeper_ = std::move(*again);
    }
    if (auto dropped = drop(number_); !dropped) {
      log::warn(
          "the generation of a rebuild that ended early was not dropped; the next one does it",
          {{"generation", number_}, {"error", dropped.error().to_string()}});
    }
  }

  TaskContext& context_;
  const RebuildDeps& deps_;
  std::unique_ptr<Keeper> keeper_;
  int number_ = 0;
  int previous_ = 0;
  bool served_ = false;
};

}  // namespace

GenerationSpec rebuilt_spec(const Json& spec, const GenerationSpec& configured) {
  if (!spec.is_object()) return configured;
  GenerationSpec asked;
  asked.embedder = spec.value("embedder", configured.embedder);
  asked.dimension = spec.value("dimension", configured.dimension);
  asked.model =
      spec.value("model", asked.embedder == configured.embedder ? configured.model : std::string());
  asked.shadow = spec.value("shadow", false);
  return asked;
}

Status no_shadow(const std::vector<GenerationInfo>& all) {
  const auto found = std::ranges::find_if(all, [](const auto& info) { return info.spec.shadow; });
  if (found == all.end()) return {};
  const std::string number = std::to_string(found->number);
  return fail(ErrorKind::conflict, found->name + " is a shadow already: `mesh index serve " +
                                       number + "` or `mesh index drop " + number + "` first");
}

Status rebuild(TaskContext& context, const RebuildDeps& deps) {
  return Rebuild(context, deps).run();
}

}  // namespace mesh::pipeline
