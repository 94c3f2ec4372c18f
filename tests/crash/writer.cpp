#include "tests/crash/writer.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace mesh::crash {
namespace {

constexpr int kSubjects = 3;
constexpr int kTenants = 2;
constexpr std::size_t kKept = 100;
constexpr int kRepeats = 3;  // of kept requests, after each restart
constexpr Duration kPatience{10'000};

bool has_key(const http::HeaderList& headers) {
  return std::ranges::any_of(headers, [](const auto& h) { return h.first == "Idempotency-Key"; });
}

std::string header_of(const http::Response& answer, std::string_view name) {
  for (const auto& [key, value] : answer.headers) {
    if (strcasecmp(key.c_str(), std::string(name).c_str()) == 0) return value;
  }
  return {};
}

}  // namespace

Writer::Writer(int number, std::uint64_t seed, Ledger& ledger, Promise promise)
    : number_(number),
      tenant_("t" + std::to_string(number % 3)),
      token_(tenant_ + ":writer" + std::to_string(number)),
      ledger_(ledger),
      promise_(promise),
      random_(seed) {
  for (int i = 0; i < kTenants; ++i) {
    tenants_.push_back({"own-" + std::to_string(number) + "-" + std::to_string(i), {}, false, 0});
  }
}

std::int64_t Writer::pick(std::int64_t low, std::int64_t high) {
  return std::uniform_int_distribution<std::int64_t>(low, high)(random_);
}

void Writer::run(const Mesh& mesh, const std::atomic<bool>& stop, std::atomic<int>& acknowledged) {
  mesh_ = mesh;
  client_ = std::make_unique<http::Client>(http::ClientOptions{.timeout = kPatience});
  while (!stop && step()) ++acknowledged;
}

Result<http::Response> Writer::send(const Request& request) {
  http::ClientRequest out;
  out.method = request.method;
  out.url = "http://" + mesh_.addresses.at(request.role) + request.target;
  out.headers = request.headers;
  out.headers.emplace_back("Authorization", "Bearer " + request.token);
  out.body = request.body;
  return client_->send(out);
}

// False: no answer came, so the mesh is gone.
bool Writer::perform(Pending pending) {
  pending_ = std::move(pending);
  const auto answer = send(pending_->request);
  if (!answer || (answer->status == 503 && promise_ == Promise::maybe_done)) {
    ++cut_;
    return false;
  }
  if (answer->status == 503) {  // draining: promised to have done nothing
    ledger_.decide(pending_->request.markers, Fate::refused);
    pending_.reset();
    return false;
  }
  acknowledge(*pending_, *answer);
  pending_.reset();
  return true;
}

void Writer::acknowledge(const Pending& pending, const http::Response& answer) {
  const auto& request = pending.request;
  if (answer.status < 200 || answer.status >= 300) {
    ADD_FAILURE() << request.method << " " << request.target << " " << request.body << ": "
                  << answer.status << " " << answer.body;
    return;
  }
  ++answered_[request.route];
  ledger_.decide(request.markers, Fate::acknowledged);
  if (pending.happened) pending.happened(Json::parse(answer.body, nullptr, false));
  if (!has_key(request.headers)) return;
  kept_.push_back({request, answer.status, answer.body});
  if (kept_.size() > kKept) kept_.pop_front();
}

// What was cut, once more. False where there is no answer that settles it.
bool Writer::repeat(const Pending& pending) {
  const auto answer = send(pending.request);
  if (!answer) return false;
  // The one that was cut still has its claim, for a while.
  if (answer->status == 409 || answer->status == 503) return false;
  // Removed by the first.
  if (answer->status == 404 && pending.again && pending.request.method == "DELETE") {
    ++answered_[pending.request.route];
    pending.happened({});
    return true;
  }
  acknowledge(pending, *answer);
  return true;
}

bool Writer::resolve(const Mesh& mesh) {
  mesh_ = mesh;
  client_ = std::make_unique<http::Client>(http::ClientOptions{.timeout = kPatience});
  if (pending_) {
    const bool again = promise_ == Promise::maybe_done && pending_->again;
    if (has_key(pending_->request.headers) || again) {
      if (!repeat(*pending_)) return false;
    } else if (pending_->find_out && !pending_->find_out()) {
      return false;
    }
    pending_.reset();
  }
  for (int i = 0; i < kRepeats && !kept_.empty(); ++i) {
    const Kept& kept =
        kept_[static_cast<std::size_t>(pick(0, static_cast<std::int64_t>(kept_.size()) - 1))];
    const auto answer = send(kept.request);
    if (!answer || (promise_ == Promise::maybe_done && answer->status == 503)) return false;
    EXPECT_EQ(answer->status, kept.status) << kept.request.target << " " << answer->body;
    EXPECT_EQ(answer->body, kept.body) << "the same key gave another answer";
    // Events are in the log before their answer is in the store, which may go away in between; then
    // the request is done again, under the same event ids.
    const bool may_be_done_again =
        promise_ == Promise::maybe_done && kept.request.target.starts_with("/api/v1/events");
    if (!may_be_done_again) {
      EXPECT_EQ(header_of(*answer, "Idempotent-Replayed"), "true") << kept.request.target;
    }
    ++repeated_;
  }
  return true;
}

Json Writer::get(const std::string& role, const std::string& target, const std::string& token,
                 int& status) {
  const auto answer = send({"", role, "GET", target, token, {}, {}, {}});
  status = answer ? answer->status : 0;
  EXPECT_TRUE(answer || promise_ == Promise::maybe_done) << target;
  return answer ? Json::parse(answer->body, nullptr, false) : Json();
}

bool Writer::step() {
  switch (pick(0, 11)) {
    case 0:
    case 1:
      return create_user();
    case 2:
      return change_user(false);
    case 3:
      return change_user(true);
    case 4:
      return change_tenant();
    case 5:
    case 6:
      return publish_one(false);
    case 7:
      return publish_one(true);
    case 8:
      return publish_cloudevents(0);
    case 9:
      return publish_cloudevents(1);
    case 10:
      return publish_cloudevents(2);
    default:
      return publish_lines();
  }
}

void Writer::maybe_key(Request& request) {
  if (pick(0, 1) == 0 && promise_ == Promise::nothing_done) return;
  request.headers.emplace_back("Idempotency-Key",
                               "w" + std::to_string(number_) + "-" + std::to_string(sequence_));
}

bool Writer::create_user() {
  const auto n = std::to_string(++sequence_);
  UserState user{tenant_, 0, "u" + n + "@w" + std::to_string(number_) + ".dev", "Person " + n,
                 false};
  Request request{"users create",
                  "users",
                  "POST",
                  "/users/create",
                  token_,
                  Json{{"email", user.email}, {"name", user.name}}.dump(),
                  {{"Content-Type", "application/json"}},
                  {}};
  maybe_key(request);
  auto adopt = [this, user](const Json& made) mutable {
    user.id = made.value("id", std::int64_t{0});
    EXPECT_EQ(made.value("email", ""), user.email);
    users_.push_back(user);
  };
  return perform({request, adopt, [this, adopt, email = user.email]() mutable {
                    int status = 0;
                    const Json found = get("users", "/users?email=" + email, token_, status);
                    EXPECT_EQ(status, 200);
                    EXPECT_LE(found.size(), 1u);
                    if (!found.empty()) adopt(found[0]);
                    return true;
                  }});
}

bool Writer::change_user(bool remove) {
  std::vector<std::size_t> live;
  for (std::size_t i = 0; i < users_.size(); ++i) {
    if (!users_[i].deleted) live.push_back(i);
  }
  if (live.size() < (remove ? 6u : 1u)) return create_user();
  const auto at =
      live[static_cast<std::size_t>(pick(0, static_cast<std::int64_t>(live.size()) - 1))];
  const std::string target = "/users/" + std::to_string(users_[at].id);
  const std::string before = users_[at].name, after = "Renamed " + std::to_string(++sequence_);
  Request request{remove ? "users delete" : "users update",
                  "users",
                  remove ? "DELETE" : "PATCH",
                  target,
                  token_,
                  remove ? "" : Json{{"name", after}}.dump(),
                  {},
                  {}};
  if (!remove) request.headers.emplace_back("Content-Type", "application/json");
  return perform({request,
                  [=, this](const Json&) {
                    remove ? void(users_[at].deleted = true) : void(users_[at].name = after);
                  },
                  [=, this] {
                    int status = 0;
                    const Json found = get("users", target, token_, status);
                    if (remove && status == 404) {
                      users_[at].deleted = true;
                      return true;
                    }
                    EXPECT_EQ(status, 200) << target;
                    const std::string name = found.value("name", "");
                    if (!remove && name == after)
                      users_[at].name = after;
                    else
                      EXPECT_EQ(name, before);
                    return true;
                  },
                  true});
}

// create, update, delete, create, …
bool Writer::change_tenant() {
  const auto at = static_cast<std::size_t>(pick(0, kTenants - 1));
  const TenantState before = tenants_[at];
  TenantState after = before;
  ++after.changes;
  after.exists = before.changes % 3 != 2;
  after.name = "Tenant " + std::to_string(++sequence_);
  const bool create = before.changes % 3 == 0;
  const std::string one = "/admin/v1/tenants/" + before.id;
  Json body{{"name", after.name}};
  if (create) body["id"] = before.id;
  Request request{create         ? "tenants create"
                  : after.exists ? "tenants update"
                                 : "tenants delete",
                  "admin",
                  create         ? "POST"
                  : after.exists ? "PATCH"
                                 : "DELETE",
                  create ? "/admin/v1/tenants" : one,
                  mesh_.operator_token,
                  after.exists ? body.dump() : "",
                  {},
                  {}};
  if (after.exists) request.headers.emplace_back("Content-Type", "application/json");
  return perform({request, [=, this](const Json&) { tenants_[at] = after; },
                  [=, this] {
                    int status = 0;
                    const Json found = get("admin", one, mesh_.operator_token, status);
                    if (promise_ == Promise::maybe_done && status != 200 && status != 404) {
                      return false;
                    }
                    const bool exists = status == 200;
                    const bool now = exists == after.exists &&
                                     (!exists || found.value("name", "") == after.name);
                    if (now) {
                      tenants_[at] = after;
                      return true;
                    }
                    EXPECT_EQ(exists, before.exists) << one;
                    if (exists) {
                      EXPECT_EQ(found.value("name", ""), before.name);
                    }
                    return true;
                  }});
}

// The data of one event, which it enters in the ledger.
Json Writer::event_data(Request& request, bool chemical) {
  const std::string n = "w" + std::to_string(number_) + "." + std::to_string(sequence_);
  const std::string marker = n + "." + std::to_string(request.markers.size());
  const std::string subject =
      "s" + std::to_string(number_) + "-" + std::to_string(pick(0, kSubjects - 1));
  const std::string label = "kind" + std::to_string(pick(0, 4));
  request.markers.push_back(marker);
  ledger_.note(marker, {tenant_, chemical, subject, label, n, Fate::unknown});
  if (!chemical)
    return {{"user_id", subject}, {"event_type", label}, {"metadata", {{"n", marker}}}};
  return {{"molecule_id", label},
          {"researcher", subject},
          {"data", {{"formula", "C9H8O4"}, {"n", marker}}}};
}

bool Writer::publish_one(bool chemical) {
  ++sequence_;
  const std::string kind = chemical ? "chemical" : "analytics";
  Request request{"publish " + kind,
                  "publisher",
                  "POST",
                  "/api/v1/events/" + kind,
                  token_,
                  {},
                  {{"Content-Type", "application/json"}},
                  {}};
  request.body = event_data(request, chemical).dump();
  maybe_key(request);
  return perform({request, {}, {}});
}

// form: 0 binary, 1 structured, 2 batch. The ids are the client's.
bool Writer::publish_cloudevents(int form) {
  ++sequence_;
  static constexpr const char* kForms[] = {"publish binary", "publish structured", "publish batch"};
  Request request{kForms[form], "publisher", "POST", "/api/v1/events", token_, {}, {}, {}};
  const auto event = [&](bool chemical) {
    Json data = event_data(request, chemical);
    return Json{{"specversion", "1.0"},
                {"id", request.markers.back()},
                {"source", "/crash"},
                {"type", chemical ? "chemical.recorded" : "analytics.recorded"},
                {"data", std::move(data)}};
  };
  if (form == 0) {
    const Json one = event(pick(0, 1) == 0);
    for (const char* name : {"specversion", "id", "source", "type"}) {
      request.headers.emplace_back(std::string("ce-") + name, one[name].get<std::string>());
    }
    request.headers.emplace_back("Content-Type", "application/json");
    request.body = one["data"].dump();
  } else if (form == 1) {
    request.headers.emplace_back("Content-Type", "application/cloudevents+json");
    request.body = event(pick(0, 1) == 0).dump();
  } else {
    Json batch = Json::array();
    for (auto left = pick(1, 8); left > 0; --left) batch.push_back(event(left % 3 == 0));
    request.headers.emplace_back("Content-Type", "application/cloudevents-batch+json");
    request.body = batch.dump();
  }
  maybe_key(request);
  return perform({request, {}, {}});
}

// Without ids: they are the mesh's.
bool Writer::publish_lines() {
  ++sequence_;
  Request request{"publish lines",
                  "publisher",
                  "POST",
                  "/api/v1/events",
                  token_,
                  {},
                  {{"Content-Type", "application/x-ndjson"}},
                  {}};
  for (auto left = pick(1, 30); left > 0; --left) {
    const bool chemical = left % 4 == 0;
    Json data = event_data(request, chemical);
    request.body += Json{{"type", chemical ? "chemical.recorded" : "analytics.recorded"},
                         {"data", std::move(data)}}
                        .dump() +
                    "\n";
  }
  maybe_key(request);
  return perform({request, {}, {}});
}

}  // namespace mesh::crash
