#include "daemon/canary/canary.h"

#include <algorithm>
#include <utility>

#include "common/base/json.h"
#include "common/base/strings.h"
#include "common/telemetry/log.h"

namespace mesh::canary {
namespace {

constexpr const char* kOutcomes[] = {"kept", "leaked", "blind", "failed"};

bool says_nothing(const http::Response& answer) {
  return answer.status == 429 || answer.status >= 500;
}

bool refuses(const http::Response& answer) { return answer.status == 403 || answer.status == 404; }

std::string request_id_of(const http::Response& answer) {
  const auto header = std::ranges::find_if(
      answer.headers, [](const auto& one) { return to_lower(one.first) == "x-request-id"; });
  return header == answer.headers.end() ? std::string() : header->second;
}

// A request, and what in it names the owner: "", "X-Tenant-Id" or "tenant_id".
struct Form {
  const char* named_by;
  http::ClientRequest request;
};

// With a word for being taken for the owner, which nobody may have believed.
std::array<Form, 3> forms_of(const http::ClientRequest& request, const TenantId& owner) {
  auto by_header = request, by_parameter = request;
  by_header.headers.emplace_back("X-Tenant-Id", owner.str());
  by_parameter.url +=
      (request.url.find('?') == std::string::npos ? "?" : "&") + ("tenant_id=" + owner.str());
  return {Form{"", request}, Form{"X-Tenant-Id", std::move(by_header)},
          Form{"tenant_id", std::move(by_parameter)}};
}

// A member's value; null where there is none.
const Json& value_of(const Json& object, const char* name) {
  static const Json none;
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found == object.end() ? none : *found;
}

// The object that an answer has, or the first of its list; null where there is none.
Json object_in(const Result<http::Response>& answer, const char* list) {
  if (!answer || (answer->status != 200 && answer->status != 201)) return nullptr;
  const auto found = parse_json(answer->body);
  if (!found) return nullptr;
  const Json& all = list != nullptr ? value_of(*found, list) : *found;
  const Json& one = all.is_array() && !all.empty() ? all.front() : all;
  return one.is_object() ? one : Json();
}

}  // namespace

Result<Canary::Listener> Canary::listener(const http::RouteTable& routes) {
  Listener made;
  made.probes = MESH_TRY(probes_of(routes));
  for (const auto& route : routes) {
    made.has_users |= route.operation == "createUser";
    made.takes_events |= route.operation == "publishEvents";
    made.lists_events |= route.operation == "listUserEvents";
  }
  return made;
}

Canary::Canary(std::vector<Listener> listeners, std::array<Planted, 2> pair, Send send,
               Clock& clock, Metrics& metrics)
    : listeners_(std::move(listeners)),
      pair_(std::move(pair)),
      send_(std::move(send)),
      clock_(clock),
      metrics_(metrics),
      rounds_(
          "canary", clock, kPeriod, [this] { round(); }, Periodic::Rest::keeps) {}

void Canary::stop() {
  stopping_ = true;
  rounds_.stop();
}

Result<http::Response> Canary::ask(const http::ClientRequest& request) const {
  if (stopping_) return fail(ErrorKind::unavailable, "the canary stops");
  return send_(request);
}

void Canary::count(const Probe& probe, const char* outcome, double by) {
  metrics_
      .counter("mesh_canary_probes_total",
               "What one tenant of the mesh's own was shown of another's, by route and outcome.",
               {{"route", probe.operation}, {"outcome", outcome}})
      .add(by);
}

void Canary::round() {
  // The constructor waits for this one; series begin at 0.
  if (std::exchange(first_, false)) {
    for (const auto& listener : listeners_) {
      for (const auto& probe : listener.probes) {
        for (const char* outcome : kOutcomes) count(probe, outcome, 0);
      }
    }
    return;
  }
  for (const auto& listener : listeners_) {
    plant(listener);
    for (const auto& probe : listener.probes) {
      for (std::size_t i = 0; i < pair_.size(); ++i) {
        const auto* outcome = outcome_of(listener.url, probe, pair_[i], pair_[1 - i]);
        if (!stopping_) count(probe, outcome, 1);
      }
    }
  }
}

void Canary::plant(const Listener& listener) {
  if (listener.has_users) {
    for (auto& planted : pair_) planted.user = plant_user(listener.url, planted);
    // Ids are counted for each tenant: one that both have would name the asker's own. The next one
    // is higher.
    if (pair_[0].user && pair_[0].user == pair_[1].user &&
        ask(delete_user(listener.url, pair_[0], *pair_[0].user))) {
      pair_[0].user = plant_user(listener.url, pair_[0]);
    }
  }
  const auto now = clock_.steady();
  if (listener.takes_events && (!events_planted_ || now - *events_planted_ >= kEventsPlanted)) {
    const bool planted = std::ranges::all_of(pair_, [&](const Planted& one) {
      const auto answer = ask(publish_events(listener.url, one));
      return answer && answer->status == 202;
    });
    if (planted) events_planted_ = now;
  }
  if (!listener.lists_events) return;
  for (auto& planted : pair_) {
    const Json event = object_in(ask(find_event(listener.url, planted)), "events");
    const Json& id = value_of(event, "id");
    planted.event = id.is_string() ? id.get<std::string>() : std::string();
  }
}

std::optional<std::int64_t> Canary::plant_user(const std::string& url,
                                               const Planted& planted) const {
  const auto found = ask(find_user(url, planted));
  if (!found || found->status != 200) return std::nullopt;
  Json user = object_in(found, nullptr);
  if (user.is_null()) user = object_in(ask(create_user(url, planted)), nullptr);
  const Json& id = value_of(user, "id");
  if (!id.is_number_integer()) return std::nullopt;
  const auto number = id.get<std::int64_t>();
  // Where the other could change it, it has another name; without its own it shows nothing.
  if (value_of(user, "name") != planted.marker) (void)ask(rename_user(url, planted, number));
  return number;
}

const char* Canary::outcome_of(const std::string& url, const Probe& probe, const Planted& owner,
                               const Planted& other) const {
  Probe reading = probe;
  if (probe.changes) reading.method = "GET";
  const auto question = request_of(url, reading, owner, owner);
  if (!question) return "blind";
  // First, so that a cache has what is the owner's when the other asks.
  const auto own = ask(*question);
  if (!own || says_nothing(*own)) return "failed";
  const bool seen = shows(reading, owner, *own);
  if (probe.changes) {
    // Nothing is changed but what is seen to be the owner's alone.
    const auto theirs = ask(*request_of(url, reading, owner, other));
    if (!theirs || says_nothing(*theirs)) return "failed";
    if (!seen || theirs->status != 404) return "blind";
  }
  for (const auto& [named_by, request] :
       forms_of(*request_of(url, probe, owner, other), owner.tenant)) {
    const auto answer = ask(request);
    if (!answer) return "failed";
    if (leaks(probe, owner, *answer)) {
      log::error("a tenant was shown what is another's", {{"method", request.method},
                                                          {"url", request.url},
                                                          {"named_by", named_by},
                                                          {"tenant", other.tenant.str()},
                                                          {"owner", owner.tenant.str()},
                                                          {"status", answer->status},
                                                          {"request_id", request_id_of(*answer)}});
      return "leaked";
    }
    if (says_nothing(*answer) || (probe.changes && !refuses(*answer))) return "failed";
  }
  return seen ? "kept" : "blind";
}

}  // namespace mesh::canary
