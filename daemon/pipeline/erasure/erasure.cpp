#include "daemon/pipeline/erasure/erasure.h"

#include <algorithm>
#include <future>
#include <map>
#include <memory>
#include <set>

#include "common/base/strings.h"
#include "common/base/time.h"
#include "daemon/pipeline/erasure/awaited_groups.h"
#include "daemon/pipeline/erasure/kept_records.h"
#include "daemon/pipeline/erasure/receipt.h"
#include "daemon/pipeline/tasks/task_support.h"

namespace mesh::pipeline {
namespace {

constexpr int kRows = 1'000;                     // of a table at once
constexpr Duration kLook{500};                   // between two looks at what is waited for
constexpr Duration kBetweenRounds{2'000};        // what is being written is there then
constexpr Duration kPatience{2 * 60'000};        // with groups none of which comes on
constexpr std::int64_t kStoreEvery = 1'000'000;  // offsets that are read, between two reports
constexpr std::string_view kRetries = "store/retries", kOutbox = "store/outbox",
                           kKeys = "store/keys", kRecord = "store/tenant", kEvents = "index/events";

// A purge takes them; the index makes them anew of what the log says is removed.
constexpr std::string_view kWhyRemovals =
    "they name ids and versions of removed users alone, so that no older event brings one back; a "
    "rebuild makes them of removals that the log still has, and the next purge takes them";

Status no_progress(std::int64_t) { return {}; }

Json json_of_parts(const std::vector<KeptPart>& parts) {
  Json all = Json::array();
  for (const KeptPart& part : parts) {
    all.push_back({{"place", part.place}, {"count", part.count}, {"remains", part.remains}});
  }
  return all;
}

std::vector<KeptPart> parts_of_json(const Json& json) {
  std::vector<KeptPart> parts;
  for (const Json& part : json) {
    parts.push_back({part.value("place", std::string()), part.value("count", std::int64_t{0}),
                     part.value("remains", std::string())});
  }
  return parts;
}

// One run of an erasure.
class Run {
 public:
  Run(const ErasureDeps& deps, TaskContext& context, ErasureTarget target)
      : deps_(deps),
        context_(context),
        target_(std::move(target)),
        records_(deps.log, deps.admin, deps.clock, target_),
        before_(context.task().checkpoint.value("before", std::map<std::string, std::int64_t>())),
        erased_(context.task().checkpoint.value("erased", std::map<std::string, std::int64_t>())),
        closed_at_(context.task().checkpoint.value("closed_at", std::string())),
        parked_(context.task().checkpoint.value("parked", false)),
        used_(context.task().checkpoint.value("used", false)),
        emptied_(context.task().checkpoint.value("emptied", false)),
        absent_(context.task().checkpoint.value("absent", std::set<std::string>())),
        rebuilds_(context.task().checkpoint.value("rebuilds", std::set<std::string>())) {
    if (emptied_) parts_ = parts_of_json(context.task().checkpoint.value("left", Json::array()));
  }

  // Counts alone.
  Status plan() {
    total_ = MESH_TRY(insist(context_, [&] { return records_.size(); }));
    parts_ = MESH_TRY(count([&](std::int64_t offsets) { return passed(offsets); }));
    Json result = result_of_parts();
    result["found"] = sum([](const KeptPart& part) { return part.count; });
    report(context_, total_, total_, Json::object(), std::move(result));
    return {};
  }

  Status erase() {
    if (!emptied_) {
      MESH_TRY(close());
      MESH_TRY(count_before());
      MESH_TRY(empty());
    }
    // A tenant is open again behind its record, and what comes then is no part of this.
    MESH_TRY(target_.subject ? count_again() : remove_record());
    return finish();
  }

 private:
  // --- counting -------------------------------------------------------------------------------

  Result<std::vector<KeptPart>> count(const KeptRecords::Seen& seen) {
    auto parts = MESH_TRY(insist(context_, [&] { return deps_.data.count(target_); }));
    if (!target_.subject) {
      auto of_record = MESH_TRY(insist(context_, [&] { return record(); }));
      parts.push_back(std::move(of_record));
    }
    const bool keyed = !target_.subject && std::ranges::any_of(parts, [](const KeptPart& part) {
      return part.place == kKeys && part.count > 0;
    });
    auto of_log =
        MESH_TRY(insist(context_, [&] { return records_.count(keyed, unless_stopped(seen)); }));
    std::ranges::move(of_log, std::back_inserter(parts));
    auto of_index = MESH_TRY(insist(context_, [&] { return vectors(); }));
    std::ranges::move(of_index, std::back_inserter(parts));
    const auto of_events =
        MESH_TRY(insist(context_, [&] { return deps_.events.kept(target_.tenant, subject()); }));
    parts.push_back({std::string(kEvents), of_events.documents});
    return parts;
  }

  Result<KeptPart> record() {
    const auto record = deps_.tenants.get(target_.tenant);
    if (!record && record.error().kind != ErrorKind::not_found) return fail(record.error());
    return KeptPart{std::string(kRecord), record ? 1 : 0};
  }

  std::optional<std::string_view> subject() const {
    return target_.subject ? std::optional<std::string_view>(*target_.subject) : std::nullopt;
  }

  // Nothing where the subject is none of a user, whom alone the index knows.
  bool in_index() const { return !target_.subject || user_id_of(target_); }

  Result<std::vector<KeptPart>> vectors() {
    std::vector<KeptPart> parts;
    if (!in_index()) return parts;
    for (const GenerationInfo& info : MESH_TRY(deps_.index.generations())) {
      const auto kept = deps_.index.kept(info.number, target_.tenant, user_id_of(target_));
      // It may have been dropped meanwhile.
      if (!kept && kept.error().kind == ErrorKind::not_found) continue;
      if (!kept) return fail(kept.error());
      KeptPart vectors{"index/" + info.name, kept->vectors};
      KeptPart removals{vectors.place + " (removals)", kept->removals, std::string(kWhyRemovals)};
      parts.push_back(std::move(vectors));
      if (removals.count > 0) parts.push_back(std::move(removals));
    }
    return parts;
  }

  static bool can_go(const KeptPart& part) { return part.remains.empty(); }

  // But the record, which goes last.
  std::vector<std::string> places_left() const {
    std::vector<std::string> places;
    for (const KeptPart& part : parts_) {
      if (can_go(part) && part.count > 0 && part.place != kRecord) {
        places.push_back(part.place + " (" + std::to_string(part.count) + ")");
      }
    }
    return places;
  }

  template <typename Number>
  std::int64_t sum(Number number) const {
    std::int64_t all = 0;
    for (const KeptPart& part : parts_) all += number(part);
    return all;
  }

  // --- progress -------------------------------------------------------------------------------

  KeptRecords::Seen unless_stopped(KeptRecords::Seen seen) {
    return [this, seen = std::move(seen)](std::int64_t offsets) -> Status {
      if (context_.stopping()) return stopped_early();
      return seen(offsets);
    };
  }

  Status passed(std::int64_t offsets) {
    seen_ += offsets;
    if (seen_ - stored_ < kStoreEvery) return {};
    stored_ = seen_;
    report(context_, std::min(seen_, total_), total_, Json::object(), Json::object());
    return {};
  }

  Status note_erased(const std::string& place, std::int64_t count) {
    erased_[place] += count;
    report_now();
    return {};
  }

  // What a crash kept from being noted shows by what is not there any more.
  std::int64_t erased_of(const std::string& place, std::int64_t left) const {
    const auto noted = erased_.find(place);
    const auto before = before_.find(place);
    return std::max({noted == erased_.end() ? 0 : noted->second,
                     before == before_.end() ? 0 : before->second - left, std::int64_t{0}});
  }

  Json result_of_parts() const {
    Json parts = Json::array();
    for (const KeptPart& part : parts_) {
      parts.push_back({{"place", part.place},
                       {"count", part.count},
                       {"erased", erased_of(part.place, can_go(part) ? part.count : 0)},
                       {"remains", part.remains}});
    }
    return {{"parts", std::move(parts)}};
  }

  void report_now(const std::vector<std::string>& waits_for = {}) {
    Json result = result_of_parts();
    std::int64_t done = 0, total = 0;
    for (const auto& [place, count] : erased_) done += count;
    for (const auto& [place, count] : before_) total += count;
    result["erased"] = done;
    if (!waits_for.empty()) result["waits_for"] = waits_for;
    Json checkpoint{{"before", before_},    {"erased", erased_},   {"parked", parked_},
                    {"used", used_},        {"emptied", emptied_}, {"absent", absent_},
                    {"rebuilds", rebuilds_}};
    if (emptied_) checkpoint["left"] = json_of_parts(parts_);
    if (!closed_at_.empty()) checkpoint["closed_at"] = closed_at_;
    report(context_, done, std::max(total, done), std::move(checkpoint), std::move(result));
  }

  // Asks until it is true. `who` is told as waited for.
  template <typename Ask>
  Status await(const std::vector<std::string>& who, Ask ask) {
    for (bool told = false;;) {
      const bool over = MESH_TRY(insist(context_, ask));
      if (over) return {};
      if (!told) report_now(who);
      told = true;
      context_.pause(kLook);
      if (context_.stopping()) return stopped_early();
    }
  }

  // --- the steps ------------------------------------------------------------------------------

  Status close() {
    if (target_.subject) return {};
    if (closed_at_.empty()) {
      MESH_TRY(insist(context_, [&] { return close_record(); }));
      closed_at_ = format_rfc3339(deps_.clock.now());
      report_now();
    }
    const auto closed_at = MESH_TRY(parse_rfc3339(closed_at_));
    return await({"requests under way"},
                 [&]() -> Result<bool> { return deps_.clock.now() >= closed_at + deps_.settle; });
  }

  // One that another changes at the same time is read again.
  Status close_record() {
    for (;;) {
      auto record = deps_.tenants.get(target_.tenant);
      if (!record && record.error().kind != ErrorKind::not_found) return fail(record.error());
      if (record && record->closed) return {};
      Tenant tenant =
          record ? *record
                 : Tenant{.id = target_.tenant, .name = target_.tenant.str(), .rate_limits = {}};
      tenant.closed = true;
      const auto closed = record ? deps_.tenants.update(std::move(tenant))
                                 : deps_.tenants.create(std::move(tenant));
      if (closed) return {};
      if (closed.error().kind != ErrorKind::conflict) return fail(closed.error());
      if (context_.stopping()) return stopped_early();
    }
  }

  Status count_before() {
    if (!before_.empty()) return {};
    parts_ = MESH_TRY(count(no_progress));
    for (const KeptPart& part : parts_) {
      if (can_go(part)) before_[part.place] = part.count;
    }
    report_now();
    return {};
  }

  Status empty() {
    for (;;) {
      ++rounds_;
      MESH_TRY(erase_once());
      parts_ = MESH_TRY(count(no_progress));
      auto left = places_left();
      if (left.empty() && !parked_ && !used_) break;
      if (left.empty() && parked_) left.emplace_back(kRetries);
      MESH_TRY(may_go_on(left));
      MESH_TRY(let_it_come());
    }
    emptied_ = true;
    report_now();
    return {};
  }

  Status may_go_on(const std::vector<std::string>& left) const {
    const int most = deps_.max_attempts + 4;
    if (rounds_ < most) return {};
    return fail(ErrorKind::conflict, "of " + to_string(target_) +
                                         " there is still something after " +
                                         std::to_string(rounds_) + " rounds: " + join(left, ", ") +
                                         "; see who writes it (`mesh events tail --tenant " +
                                         target_.tenant.str() + "`), and purge again");
  }

  // What was under way in this round is there in the next.
  Status let_it_come() {
    std::vector<std::string> who;
    // Whoever holds an event in memory whose row is gone tries it once more.
    if (parked_) who.emplace_back("retries in memory");
    if (used_) who.emplace_back("use of pipelines");
    if (!who.empty()) report_now(who);
    Duration rest = parked_ ? deps_.park : Duration{0};
    if (!who.empty() && !target_.subject) rest += deps_.settle;
    context_.pause(who.empty() ? kBetweenRounds : rest);
    if (context_.stopping()) return stopped_early();
    parked_ = used_ = false;
    return {};
  }

  // Of a user, whose tenant is open: what came since the last count goes, too.
  Status count_again() {
    for (;;) {
      parts_ = MESH_TRY(count(no_progress));
      const auto left = places_left();
      if (left.empty()) return {};
      MESH_TRY(may_go_on(left));
      emptied_ = false;
      MESH_TRY(empty());
    }
  }

  Status erase_once() {
    MESH_TRY(remove_users());
    MESH_TRY(await_groups());
    MESH_TRY(erase_rows());
    MESH_TRY(insist(context_, [&] {
      return records_.erase(
          unless_stopped(no_progress),
          [&](const std::string& place, std::int64_t gone) { return note_erased(place, gone); });
    }));
    MESH_TRY(drop_keys());
    MESH_TRY(erase_vectors());
    MESH_TRY(await_rebuilds());
    MESH_TRY(erase_events());
    for (ReadCache* cache : deps_.caches) {
      MESH_TRY(insist(context_, [&] { return cache->forget_all(target_.tenant); }));
    }
    return {};
  }

  // A user goes as by any other removal, so that others hear of it; a tenant's users go as rows,
  // since others hear that the tenant is gone.
  Status remove_users() {
    if (!target_.subject) {
      MESH_TRY(erase_place("store/users"));
      return erase_place(std::string(kOutbox));
    }
    if (const auto id = user_id_of(target_)) {
      const bool removed = MESH_TRY(insist(context_, [&] { return remove_user(*id); }));
      if (removed) MESH_TRY(note_erased("store/users", 1));
    }
    // Its last event among them: nobody else would tell it.
    return await({"the outbox"}, [&]() -> Result<bool> { return outbox_is_empty(); });
  }

  Result<bool> outbox_is_empty() {
    for (const KeptPart& part : MESH_TRY(deps_.data.count(target_))) {
      if (part.place == kOutbox && part.count > 0) return false;
    }
    return true;
  }

  // Whether there was one.
  Result<bool> remove_user(std::int64_t id) {
    const auto done = std::make_shared<std::promise<Result<ChangedUser>>>();
    auto removed = done->get_future();
    deps_.users.remove(target_.tenant, id, {},
                       [done](Result<ChangedUser> result) { done->set_value(std::move(result)); });
    const auto result = removed.get();
    if (result) return true;
    if (result.error().kind == ErrorKind::not_found) return false;
    return fail(result.error());
  }

  // A pipeline that is behind would write of the target again what is erased now. Who has no member
  // writes nothing, and finds gaps later where the log takes records out.
  Status await_groups() {
    const auto to =
        MESH_TRY(insist(context_, [&] { return pipeline_ends(deps_.log, deps_.admin); }));
    std::map<std::string, std::int64_t> before;
    SteadyTime moved = deps_.clock.steady();
    for (;;) {
      auto behind =
          MESH_TRY(insist(context_, [&] { return groups_behind(deps_.log, deps_.admin, to); }));
      absent_ = std::move(behind.absent);
      if (behind.active.empty()) return {};
      // What they use of models is in the log a minute later. In later rounds they are behind with
      // others' events: the tenant is closed.
      if (rounds_ == 1 && !target_.subject) used_ = true;
      std::vector<std::string> names;
      for (const auto& [name, committed] : behind.active) names.push_back("group " + name);
      if (behind.active != before) moved = deps_.clock.steady();
      before = std::move(behind.active);
      if (deps_.clock.steady() - moved >= kPatience) {
        for (const auto& [name, committed] : before) absent_.insert(name);
        return {};
      }
      report_now(names);
      context_.pause(kLook);
      if (context_.stopping()) return stopped_early();
    }
  }

  // A rebuild that had read events of the target before they went from the log writes them behind
  // that. What it reads once it has ended a step has none.
  Status await_rebuilds() {
    rebuilds_.clear();
    auto waits = MESH_TRY(insist(context_, [&] { return event_rebuilds(deps_.tasks); }));
    const SteadyTime began = deps_.clock.steady();
    for (;;) {
      if (waits.empty()) return {};
      std::vector<std::string> names;
      for (const auto& [id, steps] : waits) names.push_back("rebuild " + id);
      if (deps_.clock.steady() - began >= kPatience) {
        for (const auto& [id, steps] : waits) rebuilds_.insert(id);
        return {};
      }
      report_now(names);
      context_.pause(kLook);
      if (context_.stopping()) return stopped_early();
      const auto now = MESH_TRY(insist(context_, [&] { return event_rebuilds(deps_.tasks); }));
      std::erase_if(waits, [&](const auto& one) {
        const auto still = now.find(one.first);
        return still == now.end() || still->second != one.second;
      });
    }
  }

  Status erase_place(const std::string& place) {
    for (;;) {
      if (context_.stopping()) return stopped_early();
      const auto gone =
          MESH_TRY(insist(context_, [&] { return deps_.data.erase(target_, place, kRows); }));
      if (gone == 0) return {};
      MESH_TRY(note_erased(place, gone));
    }
  }

  Status erase_rows() {
    const auto parts = MESH_TRY(insist(context_, [&] { return deps_.data.count(target_); }));
    for (const KeptPart& part : parts) {
      // Keys are dropped behind the records; of a user the outbox was waited for.
      const bool later = part.place == kKeys || (target_.subject && part.place == kOutbox);
      if (!can_go(part) || part.count == 0 || later) continue;
      if (part.place == kRetries) {
        parked_ = true;
        report_now();  // whoever goes on finds no row, and has to wait all the same
      }
      MESH_TRY(erase_place(part.place));
    }
    return {};
  }

  // What the log could not take out reads nobody from then on. They are the tenant's, not a user's.
  Status drop_keys() {
    if (target_.subject) return {};
    const auto gone = MESH_TRY(insist(context_, [&] { return deps_.keys.drop(target_.tenant); }));
    // Also where none was there: whoever was here before may have dropped them in another process.
    deps_.forget_keys(target_.tenant);
    return gone > 0 ? note_erased(std::string(kKeys), gone) : Status();
  }

  Status erase_vectors() {
    if (!in_index()) return {};
    const auto user = user_id_of(target_);
    const auto infos = MESH_TRY(insist(context_, [&] { return deps_.index.generations(); }));
    for (const GenerationInfo& info : infos) {
      const auto kept =
          insist(context_, [&] { return deps_.index.kept(info.number, target_.tenant, user); });
      if (!kept && kept.error().kind != ErrorKind::not_found) return fail(kept.error());
      if (!kept || *kept == KeptPoints()) continue;
      const auto gone =
          insist(context_, [&] { return deps_.index.erase(info.number, target_.tenant, user); });
      if (!gone && gone.error().kind != ErrorKind::not_found) return gone;
      if (kept->vectors > 0) MESH_TRY(note_erased("index/" + info.name, kept->vectors));
    }
    return {};
  }

  Status erase_events() {
    const auto kept =
        MESH_TRY(insist(context_, [&] { return deps_.events.kept(target_.tenant, subject()); }));
    if (kept.documents == 0) return {};
    MESH_TRY(insist(context_, [&] { return deps_.events.erase(target_.tenant, subject(), {}); }));
    return note_erased(std::string(kEvents), kept.documents);
  }

  Status remove_record() {
    const auto removed = insist(context_, [&] { return deps_.tenants.remove(target_.tenant); });
    if (!removed && removed.error().kind != ErrorKind::not_found) return fail(removed.error());
    for (KeptPart& part : parts_) {
      if (part.place == kRecord) part.count = 0;
    }
    if (removed) MESH_TRY(note_erased(std::string(kRecord), 1));
    return await({"the outbox"}, [&]() -> Result<bool> {
      if (!removed) return outbox_is_empty();
      const bool waits = MESH_TRY(deps_.outbox.holds(removed->event, removed->event));
      return !waits;
    });
  }

  Status finish() {
    const Task& task = context_.task();
    ErasureFacts facts{target_,
                       task.started_at,
                       deps_.clock.now(),
                       {},
                       parts_,
                       {absent_.begin(), absent_.end()},
                       {rebuilds_.begin(), rebuilds_.end()},
                       deps_.uncounted};
    std::map<std::string, std::int64_t> left;
    for (const KeptPart& part : parts_) left[part.place] = can_go(part) ? part.count : 0;
    std::set<std::string> places;
    for (const auto* counts : {&before_, &erased_}) {
      for (const auto& [place, count] : *counts) places.insert(place);
    }
    std::int64_t all = 0;
    for (const std::string& place : places) {
      facts.erased[place] = erased_of(place, left[place]);
      all += facts.erased[place];
    }
    Json receipt = receipt_of(facts, task, deps_.version);
    std::string signature = deps_.sign(receipt);
    Json result = result_of_parts();
    result["erased"] = all;
    result["remaining"] = sum([](const KeptPart& part) { return part.count; });
    result["receipt"] = {{"receipt", std::move(receipt)}, {"signature", std::move(signature)}};
    report(context_, all, all, task.checkpoint, std::move(result));
    return {};
  }

  const ErasureDeps& deps_;
  TaskContext& context_;
  const ErasureTarget target_;
  KeptRecords records_;
  std::vector<KeptPart> parts_;  // as they were counted last
  // By place: what there was when it began, and what went since. These and the next six are the
  // checkpoint, and once it is emptied the parts.
  std::map<std::string, std::int64_t> before_, erased_;
  std::string closed_at_;  // RFC 3339; empty: not yet
  bool parked_ = false;    // rows of parked events went, and nobody has waited for them since
  bool used_ = false;      // pipelines were behind, and nobody has waited for their use since
  bool emptied_ = false;   // a count found nothing; the record and the receipt are left
  std::set<std::string> absent_;  // of the last wait for groups
  // Ids of those that did not come on while they were waited for.
  std::set<std::string> rebuilds_;
  int rounds_ = 0;                                  // of this run
  std::int64_t total_ = 0, seen_ = 0, stored_ = 0;  // offsets, of a plan
};

}  // namespace

Json erasure_spec(const ErasureTarget& target, bool dry_run) {
  Json spec = to_json(target);
  spec["dry_run"] = dry_run;
  return spec;
}

bool is_dry_run(const Task& task) {
  return task.spec.is_object() && task.spec.value("dry_run", false);
}

tl::unexpected<Error> no_receipt_key() {
  return fail(ErrorKind::conflict,
              "nothing is purged without a key that signs the receipt: make one by `openssl "
              "genpkey -algorithm ed25519 -out receipt-key.pem`, name it in "
              "tenants.receipt_key_file, and start meshd anew");
}

Status Erasure::run(TaskContext& context) {
  auto target = MESH_TRY(erasure_target_from_json(context.task().spec));
  Run run(deps_, context, std::move(target));
  if (is_dry_run(context.task())) return run.plan();
  if (!deps_.sign) return no_receipt_key();
  return run.erase();
}

}  // namespace mesh::pipeline
