#include "tests/bench/streams.h"

#include <atomic>
#include <stdexcept>

#include "common/base/strings.h"
#include "tests/bench/requests.h"

namespace mesh::bench {
namespace {

constexpr int kStreamConnections = 16;

struct Kind {
  std::string role, target;
  std::string reader_role;
  std::function<std::string(const std::string& tenant, std::uint64_t n)> body;
  // The request that shows number n, and what its answer must contain.
  std::function<std::pair<std::string, std::string>(const std::string& tenant, std::uint64_t n)>
      look;
};

Followed run(const std::string& what, Meshd& meshd, const Stream& stream, const Kind& kind) {
  load::Probe probe(meshd->address(kind.reader_role));
  const auto tenant = [&](std::uint64_t n) { return stream.tenants[n % stream.tenants.size()]; };
  load::Plan plan;
  plan.address = meshd->address(kind.role);
  plan.connections = kStreamConnections;
  plan.rate = stream.rate;
  plan.time = stream.time;
  plan.request = [&](std::uint64_t number, std::string& out) {
    append_request(out, "POST", kind.target, tenant(number),
                   kind.body(tenant(number), stream.from + number));
  };
  plan.on_answer = [&](const load::Answer& answer) {
    if (answer.status / 100 != 2 || answer.number % static_cast<unsigned>(stream.follow_every)) {
      return;
    }
    auto [request, sought] = kind.look(tenant(answer.number), stream.from + answer.number);
    probe.follow(answer.due, std::move(request), std::move(sought));
  };
  Followed followed{measure(what, plan), {}};
  stream.written();
  followed.visible = probe.finish();
  const auto& visible = followed.visible;
  if (!visible.error.empty()) throw std::runtime_error(what + ": " + visible.error);
  Bench::progress(
      what + ", visible: " + std::to_string(visible.latency.count()) + " followed, p50 " +
      std::to_string(visible.latency.percentile(0.5)) + " us, p99 " +
      std::to_string(visible.latency.percentile(0.99)) + " us" +
      (visible.given_up > 0 ? ", NEVER SEEN: " + std::to_string(visible.given_up) : ""));
  return followed;
}

}  // namespace

Followed creates(const std::string& what, Meshd& meshd, const Stream& stream) {
  return run(
      what, meshd, stream,
      {"users", "/users/create", "gateway",
       [](const std::string& tenant, std::uint64_t n) { return create_body(person(tenant, n)); },
       [](const std::string& tenant, std::uint64_t n) {
         const NewUser user = person(tenant, n);
         return std::pair{request("GET",
                                  "/ai/users/search?limit=3&query=" +
                                      percent_encode(user.name + " " + user.email),
                                  tenant),
                          "\"" + user.email + "\""};
       }});
}

Followed publishes(const std::string& what, Meshd& meshd, const Stream& stream) {
  const auto user = [](std::uint64_t n) { return "followed-" + std::to_string(n); };
  return run(what, meshd, stream,
             {"publisher", "/api/v1/events/analytics", "subscriber",
              [=](const std::string&, std::uint64_t n) {
                return R"({"user_id":")" + user(n) + R"(","event_type":"click"})";
              },
              [=](const std::string& tenant, std::uint64_t n) {
                return std::pair{request("GET", "/api/v1/analytics/user/" + user(n), tenant),
                                 std::string()};
              }});
}

std::uint64_t take_numbers(std::uint64_t count) {
  static std::atomic<std::uint64_t> next{0};
  return next.fetch_add(count);
}

}  // namespace mesh::bench
