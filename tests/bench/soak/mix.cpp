#include "tests/bench/soak/mix.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <stop_token>

#include "common/base/strings.h"
#include "tests/bench/load/connection.h"
#include "tests/bench/requests.h"

namespace mesh::bench {
namespace {

const std::array<std::string, 3> kTenants{"acme", "globex", "initech"};
// A tenant with a small rate limit, which answers 429 most of the time.
const std::string kLimited = "limited";
constexpr std::uint64_t kUsersPerTenant = 2'000;
constexpr std::chrono::seconds kBetweenOperations{20};

const std::string& tenant_of(std::uint64_t n) { return kTenants[n % kTenants.size()]; }

void append_search(std::string& out, std::uint64_t n, const std::string& tenant) {
  const auto query = query_for(person(tenant, n % kUsersPerTenant), n);
  append_request(out, "GET", "/ai/users/search?query=" + percent_encode(query), tenant);
}

bool sleep(const std::stop_token& stop, load::Seconds time) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any stopped;
  stopped.wait_for(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

// A request with a header more than append_request gives.
void append_with(std::string& out, const std::string& header, std::string_view target,
                 std::string_view tenant, std::string_view body) {
  std::string plain = request("POST", target, tenant, body);
  plain.insert(plain.find("Content-Type"), header + "\r\n");
  out += plain;
}

// As another producer wrote it: an event that its pipeline cannot take, for the dead letters.
constexpr const char* kBroken =
    R"({"topic":"chemical.events","records":[{"key":"acme/x","value":{"tenantId":"acme"}}]})";

std::string chemical_body(std::uint64_t n) {
  // Some formulas cannot be read.
  const char* formula = n % 20 == 0 ? "C9((" : "C9H8O4";
  return R"({"molecule_id":"m-)" + std::to_string(n % 500) + R"(","researcher":"Dr. )" +
         std::to_string(n % 50) + R"(","data":{"formula":")" + formula + R"("}})";
}

load::Plan open_loop(const std::string& address, int connections, double rate) {
  load::Plan plan;
  plan.address = address;
  plan.connections = connections;
  plan.rate = rate;
  plan.warm_up = load::Seconds(0);
  plan.time = std::chrono::hours(24 * 30);
  return plan;
}

}  // namespace

Mix::Mix(Meshd& meshd) : meshd_(meshd) {
  meshd_.admin(
      "POST", "/admin/v1/tenants",
      R"({"id":")" + kLimited + R"(","rate_limits":{"search":{"rate":1,"per":"1s","burst":1}}})");
  load::Connection connection(meshd_->address("users"));
  for (std::uint64_t n = 0; n < kUsersPerTenant * kTenants.size(); ++n) {
    const auto answer = connection.exchange(
        request("POST", "/users/create", tenant_of(n), create_body(person(tenant_of(n), n))));
    live_.push_back({tenant_of(n), Json::parse(answer.body).at("id")});
  }
}

Mix::~Mix() { stop(); }

void Mix::start() {
  for (auto& stream : streams()) {
    threads_.emplace_back([this, stream = std::move(stream)]() mutable { run(std::move(stream)); });
  }
  threads_.emplace_back([this] { connects(); });
  threads_.emplace_back([this] { operate(); });
}

void Mix::stop() {
  stop_.request_stop();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

std::vector<Mix::Stream> Mix::streams() {
  return {users(), publishes(), bulks(), searches(), limited_searches(), reads(), bad_requests()};
}

void Mix::run(Stream stream) {
  auto& plan = stream.plan;
  plan.stop = stop_.get_token();
  plan.on_answer = [&, before = plan.on_answer](const load::Answer& answer) {
    if (before) before(answer);
    if (plan.expected(answer.status)) ++answered_;
    if (stream.latency.empty()) return;
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(answer.at - answer.due);
    std::lock_guard lock(mutex_);
    latencies_[stream.latency].add(static_cast<std::uint64_t>(took.count()));
  };
  std::string failures;
  try {
    failures = load::run(plan).failures();
  } catch (const std::exception& error) {
    failures = error.what();
  }
  std::lock_guard lock(mutex_);
  if (!failures.empty()) failures_[stream.name] = failures;
}

// A user comes, is changed and read, and the oldest goes: as many as before.
Mix::Stream Mix::users() {
  Stream stream{"users", "write", open_loop(meshd_->address("users"), 8, 100)};
  stream.plan.request = [this](std::uint64_t n, std::string& out) {
    std::lock_guard lock(mutex_);
    const auto user = [&](std::size_t back) { return live_[live_.size() - 1 - back % 1000]; };
    const auto path = [](const LiveUser& u) { return "/users/" + std::to_string(u.id); };
    switch (n % 4) {
      case 0: {
        const auto& tenant = tenant_of(n / 4);
        creating_[n] = tenant;
        const auto body = create_body(person(tenant, kUsersPerTenant * kTenants.size() + n));
        if (n % 8 == 0)
          return append_with(out, "Idempotency-Key: \"user-" + std::to_string(n) + "\"",
                             "/users/create", tenant, body);
        return append_request(out, "POST", "/users/create", tenant, body);
      }
      case 1:
        return append_request(out, "PATCH", path(user(n)), user(n).tenant,
                              R"({"name":"Changed )" + std::to_string(n) + "\"}");
      case 2:
        return append_request(out, "GET", path(user(n)), user(n).tenant);
      default: {
        const LiveUser oldest = live_.front();
        live_.pop_front();
        return append_request(out, "DELETE", path(oldest), oldest.tenant);
      }
    }
  };
  stream.plan.on_answer = [this](const load::Answer& answer) {
    std::lock_guard lock(mutex_);
    const auto created = creating_.extract(answer.number);
    if (created.empty() || answer.status != 201) return;
    live_.push_back({created.mapped(), Json::parse(answer.body).at("id")});
  };
  return stream;
}

Mix::Stream Mix::publishes() {
  Stream stream{"publishes", "write", open_loop(meshd_->address("publisher"), 8, 200)};
  stream.plan.request = [](std::uint64_t n, std::string& out) {
    const auto& tenant = tenant_of(n / 4);
    constexpr const char* kAnalytics = "/api/v1/events/analytics";
    switch (n % 4) {
      case 0: {  // each of these comes twice and is taken once
        const auto once = n / 8;
        return append_with(out, "Idempotency-Key: \"event-" + std::to_string(once) + "\"",
                           kAnalytics, kTenants[0], event_body(once));
      }
      case 1:
        return append_request(out, "POST", "/api/v1/events/chemical", tenant, chemical_body(n));
      default:
        return append_request(out, "POST", kAnalytics, tenant, event_body(n));
    }
  };
  // 409: the first of the two with one key is still under way.
  stream.plan.expected = [](int status) { return status == 202 || status == 409; };
  return stream;
}

Mix::Stream Mix::bulks() {
  Stream stream{"bulks", "", open_loop(meshd_->address("publisher"), 2, 2)};
  stream.plan.request = [](std::uint64_t n, std::string& out) {
    append_request(out, "POST", "/api/v1/events", tenant_of(n), event_lines(n * 200, 200),
                   "application/x-ndjson");
  };
  return stream;
}

Mix::Stream Mix::searches() {
  Stream stream{"searches", "search", open_loop(meshd_->address("gateway"), 8, 45)};
  stream.plan.request = [](std::uint64_t n, std::string& out) {
    append_search(out, n, tenant_of(n));
  };
  return stream;
}

Mix::Stream Mix::limited_searches() {
  Stream stream{"searches of a limited tenant", "", open_loop(meshd_->address("gateway"), 2, 5)};
  stream.plan.request = [](std::uint64_t n, std::string& out) { append_search(out, n, kLimited); };
  stream.plan.expected = [](int status) { return status == 200 || status == 429; };
  return stream;
}

Mix::Stream Mix::reads() {
  Stream stream{"reads", "read", open_loop(meshd_->address("subscriber"), 4, 50)};
  stream.plan.request = [](std::uint64_t n, std::string& out) {
    const std::string user = "user-" + std::to_string(n % 1000);
    const std::string targets[] = {"/api/v1/analytics/user/" + user,
                                   "/api/v1/events/user/" + user + "?limit=20",
                                   "/api/v1/analytics/researcher/Dr.%20" + std::to_string(n % 50),
                                   n % 200 == 3 ? "/metrics" : "/livez"};
    append_request(out, "GET", targets[n % 4], tenant_of(n / 4));
  };
  stream.plan.expected = [](int status) { return status == 200 || status == 404; };
  return stream;
}

Mix::Stream Mix::bad_requests() {
  Stream stream{"bad requests", "", open_loop(meshd_->address("publisher"), 4, 20)};
  stream.plan.request = [](std::uint64_t n, std::string& out) {
    constexpr const char* kAnalytics = "/api/v1/events/analytics";
    switch (n % 8) {
      case 0:
        return append_request(out, "POST", kAnalytics, "acme", "{not json");
      case 1:
        return append_request(out, "POST", kAnalytics, "acme", R"({"event_type":1})");
      case 2:
        return append_request(out, "POST", kAnalytics, "NOT A TENANT", event_body(n));
      case 3:
        return append_request(out, "GET", "/no/such/route/" + std::to_string(n), "acme");
      case 4:
        return append_request(out, "DELETE", kAnalytics, "acme");
      case 5:
        return append_request(out, "POST", kAnalytics, "acme", "<xml/>", "text/xml");
      case 6:
        out += "GET / HTTP/1.1\r\nHost : mesh\r\n\r\n";
        return;
      default:
        return append_request(out, "POST", kAnalytics, "acme", std::string(2 << 20, 'x'));
    }
  };
  stream.plan.expected = [](int status) { return status / 100 == 4; };
  return stream;
}

void Mix::connects() {
  const std::string whole = request("GET", "/livez", "acme");
  std::string failure;
  for (std::uint64_t n = 0; sleep(stop_.get_token(), load::Seconds(0.05)); ++n) {
    try {
      if (n % 2 == 0) {
        load::Connection connection(meshd_->address("publisher"));
        if (connection.exchange(whole).status == 200) ++answered_;
      } else {
        const int fd = test::connect_to(meshd_->address("publisher"));
        (void)!send(fd, whole.data(), n % whole.size(), MSG_NOSIGNAL);
        close(fd);
      }
    } catch (const std::exception& error) {
      failure = error.what();
    }
  }
  std::lock_guard lock(mutex_);
  if (!failure.empty()) failures_["connects"] = failure;
}

void Mix::operate() {
  const auto stop = stop_.get_token();
  std::string failure;
  do {
    try {
      meshd_.run_task("/admin/v1/indexes/rebuild", "{}");
      if (!sleep(stop, kBetweenOperations)) break;
      meshd_.run_task("/admin/v1/replays", R"({"topic":"analytics.events","from":"@-30s"})");
      for (int n = 0; n < 20; ++n) meshd_.admin("POST", "/admin/v1/events", kBroken);
      if (!sleep(stop, kBetweenOperations)) break;
      meshd_.run_task("/admin/v1/dlq/chemical.events/redrive", "{}");
      if (!sleep(stop, kBetweenOperations)) break;
      meshd_.run_task("/admin/v1/dlq/chemical.events/purge", "{}");
    } catch (const std::exception& error) {
      failure = error.what();
    }
  } while (sleep(stop, kBetweenOperations));
  std::lock_guard lock(mutex_);
  if (!failure.empty()) failures_["operations"] = failure;
}

std::map<std::string, load::Histogram> Mix::take_latencies() {
  std::lock_guard lock(mutex_);
  return std::exchange(latencies_, {});
}

std::map<std::string, std::string> Mix::failures() {
  std::lock_guard lock(mutex_);
  return failures_;
}

}  // namespace mesh::bench
