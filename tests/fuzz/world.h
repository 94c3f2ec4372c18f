// Engines that hold two tenants' few users and remember nothing, so that an input means the same
// whatever came before it.
#pragma once

#include <vector>

#include "common/ports/event_log.h"
#include "common/ports/idempotency_store.h"
#include "common/ports/rate_limiter.h"
#include "common/ports/tenant_store.h"
#include "common/ports/user_store.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/fake_engines.h"
#include "tests/support/fake_outbox.h"
#include "tests/support/fake_stores.h"

namespace mesh::fuzz {

// What of the other tenant must never be answered.
inline constexpr std::string_view kForeign = "globex-secret";

class Users final : public UserStore {
 public:
  void create(const TenantId& tenant, NewUser user, ChangeContext, UserDone done) override {
    done(ChangedUser{
        {.id = 3, .email = std::move(user.email), .name = std::move(user.name), .tenant = tenant},
        1});
  }
  void update(const TenantId& tenant, std::int64_t id, UserPatch patch, ChangeContext,
              UserDone done) override {
    auto user = get(tenant, id);
    if (user && patch.email) user->email = *patch.email;
    if (user && patch.name) user->name = *patch.name;
    done(changed(std::move(user)));
  }
  void remove(const TenantId& tenant, std::int64_t id, ChangeContext, UserDone done) override {
    done(changed(get(tenant, id)));
  }
  Result<User> get(const TenantId& tenant, std::int64_t id) override {
    if (id < 1 || id > 2) return fail(ErrorKind::not_found, "no such user");
    const std::string name = tenant.str() == "globex" ? std::string(kForeign) : "alice";
    return User{.id = id, .email = name + "@example.com", .name = name, .tenant = tenant};
  }
  Result<std::vector<User>> list(const TenantId& tenant, std::int64_t after, int limit,
                                 const std::optional<std::string>& email) override {
    std::vector<User> users;
    for (std::int64_t id = 1; id <= 2; ++id) {
      auto user = get(tenant, id);
      if (id <= after || static_cast<int>(users.size()) == limit) continue;
      if (!email || email_key(*email) == email_key(user->email)) users.push_back(*user);
    }
    return users;
  }
  Result<std::vector<User>> everywhere(const std::string&, int) override {
    return std::vector<User>();
  }
  Result<std::int64_t> count(const TenantId&) override { return 0; }

 private:
  static Result<ChangedUser> changed(Result<User> user) {
    if (!user) return fail(user.error());
    return ChangedUser{std::move(*user), 1};
  }
};

class Keys final : public IdempotencyStore {
 public:
  void begin(const IdempotencyKey& key, Duration, bool,
             std::function<void(Result<Claim>)> done) override {
    holds(!key.key.empty() && key.key.size() <= 255, "a key has 1 to 255 bytes");
    done(Claim{.answer = {}, .token = 1});
  }
  void finish(const ClaimedKey&, StoredAnswer answer, std::function<void(Status)> done) override {
    holds(answer.code < 300, "answers that are kept are good ones");
    done({});
  }
  void release(const ClaimedKey&, Effect, std::function<void(Status)> done) override { done({}); }
};

class Tenants final : public TenantStore {
 public:
  Result<ChangedTenant> create(Tenant tenant) override {
    return ChangedTenant{std::move(tenant), 1};
  }
  Result<ChangedTenant> update(Tenant tenant) override { return create(std::move(tenant)); }
  Result<ChangedTenant> remove(const TenantId& id,
                               const std::optional<std::vector<std::int64_t>>&) override {
    return ChangedTenant{get(id).value(), 1};
  }
  Result<Tenant> get(const TenantId& id) override {
    Tenant tenant{.id = id, .name = id.str(), .rate_limits = {}};
    tenant.allow_unknown_types = true;
    return tenant;
  }
  Result<std::vector<Tenant>> list(std::string_view after, int) override {
    if (!after.empty()) return std::vector<Tenant>{};
    std::vector<Tenant> all;
    for (const char* id : {"acme", "globex"}) all.push_back(get(*TenantId::parse(id)).value());
    return all;
  }
  Result<bool> known(const TenantId&) override { return true; }
  void note_use(const TenantId&) override {}
};

class Limiter final : public RateLimiter {
 public:
  std::optional<Result<RateDecision>> take(const TenantId&, std::string_view,
                                           const RatePolicy& policy, std::int64_t cost,
                                           const Later&) override {
    return gcra(policy, 0, 1, cost).decision;
  }
  Result<RateDecision> peek(const TenantId&, std::string_view, const RatePolicy& policy) override {
    return gcra(policy, 0, 1, 0).decision;
  }
  Status reset(const TenantId&, std::string_view) override { return {}; }
};

class Log final : public EventLog, public LogAdmin {
 public:
  std::string tenant;  // whose request is under way

  void append(std::vector<Record> records, AppendDone done) override {
    std::vector<Position> positions;
    for (const auto& record : records) {
      holds(!record.topic.empty() && !record.key.empty(), "a record has a topic and a key");
      holds(record.key == tenant || record.key.starts_with(tenant + "/"),
            "a record is its tenant's");
      holds(from_record({{record.topic, 0, 0}, {}, record.key, record.value, record.headers})
                .has_value(),
            "what is appended is an event");
      positions.push_back({record.topic, 0, static_cast<std::int64_t>(positions.size())});
    }
    done(std::move(positions));
  }
  Result<ReadResult> read(const TopicPartition&, std::int64_t from, const ReadLimits&) override {
    return ReadResult{{}, from, true};
  }
  bool reads_again_cheaply() const override { return true; }
  Result<Watermarks> watermarks(const TopicPartition&) override { return Watermarks{}; }
  Result<std::int64_t> offset_at(const TopicPartition&, Timestamp) override { return 0; }
  std::unique_ptr<Watch> watch(const std::map<TopicPartition, std::int64_t>&, Told) override {
    return std::make_unique<Watch>();
  }
  Status ensure_topic(const TopicSpec& spec) override {
    holds(spec.name.ends_with(".events") || spec.name.ends_with(".events.dlq"),
          "a topic is one of events");
    return {};
  }
  Result<std::vector<TopicInfo>> topics() override { return std::vector<TopicInfo>{}; }
  Status ensure_group(const std::string&, const std::vector<std::string>&) override { return {}; }
  Result<std::unique_ptr<LogConsumer>> open_consumer(const std::string&,
                                                     const std::vector<std::string>&,
                                                     const std::string&) override {
    return fail(ErrorKind::unavailable, "there are no consumers here");
  }
  Result<std::vector<GroupInfo>> groups() override { return std::vector<GroupInfo>{}; }
  bool seeks_active_groups() const override { return true; }
  Status seek_group(const std::string&, const std::map<TopicPartition, std::int64_t>&) override {
    return {};
  }
  Status delete_group(const std::string&) override { return {}; }
  bool erases_records() const override { return true; }
  Result<std::int64_t> erase(const TopicPartition&, std::span<const std::int64_t>) override {
    return 0;
  }
};

}  // namespace mesh::fuzz
