#include "daemon/canary/canary.h"

#include <algorithm>
#include <utility>

#include "common/base/ids.h"
#include "common/base/json.h"
#include "common/base/strings.h"
#include "common/telemetry/log.h"
#include "daemon/canary/creations.h"

namespace mesh::canary {
namespace {

constexpr const char* kOutcomes[] = {"kept", "leaked", "blind", "failed"};

bool says_nothing(const http::Response& answer) {
  return answer.status == 429 || answer.status >= 500;
}

bool refuses(const http::Response& answer) { return answer.status == 403 || answer.status == 404; }

// 409: what is to be made is there, which only its tenant is told.
bool is_let_through(const http::Response& answer) {
  return (answer.status >= 200 && answer.status < 300) || answer.status == 409;
}

std::string request_id_of(const http::Response& answer) {
  const auto header = std::ranges::find_if(
      answer.headers, [](const auto& one) { return to_lower(one.first) == "x-request-id"; });
  return header == answer.headers.end() ? std::string() : header->second;
}

// Plainly, and with a word for being taken for the owner, which nobody may have believed.
std::vector<Naming> forms_of(const http::ClientRequest& request, const Probe& probe,
                             const TenantId& owner) {
  std::vector<Naming> all = naming(request, owner);
  all.insert(all.begin(), {"", request});
  if (probe.method == "PATCH") {
    auto by_body = request;
    by_body.body = dump(Json{{"name", kChangedByAnother}, {"tenantId", owner.str()}});
    all.push_back({"body", std::move(by_body)});
  }
  return all;
}

void tell_leak(const Naming& asked, const Planted& owner, const Planted& other,
               const http::Response& answer) {
  log::error("a tenant was shown what is another's", {{"method", asked.request.method},
                                                      {"url", asked.request.url},
                                                      {"named_by", asked.named_by},
                                                      {"tenant", other.tenant.str()},
                                                      {"owner", owner.tenant.str()},
                                                      {"status", answer.status},
                                                      {"request_id", request_id_of(answer)}});
}

// A member's value; null where there is none.
const Json& value_of(const Json& object, const char* name) {
  static const Json none;
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found == object.end() ? none : *found;
}

// The object that an answer has, or the first of its list; null where there is none.
Json object_in(const Result<http::Response>& answer, const char* list) {
  if (!answer || answer->status < 200 || answer->status > 202) return nullptr;
  const auto found = parse_json(answer->body);
  if (!found) return nullptr;
  const Json& all = list != nullptr ? value_of(*found, list) : *found;
  const Json& one = all.is_array() && !all.empty() ? all.front() : all;
  return one.is_object() ? one : Json();
}

// Of the event that an answer tells was published; "" where it tells none.
std::string id_in(const http::Response& answer) {
  const Json told = object_in(answer, nullptr);
  const Json& id = value_of(told, "id");
  return id.is_string() ? id.get<std::string>() : std::string();
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
  if (const auto now = clock_.steady(); !key_made_ || now - *key_made_ >= kEventsPlanted) {
    key_ = "mesh-canary-" + random_hex(16);
    key_made_ = now;
  }
  for (const auto& listener : listeners_) {
    plant(listener);
    for (const auto& probe : listener.probes) {
      for (std::size_t i = 0; i < pair_.size(); ++i) {
        const auto* outcome = outcome_of(listener.url, probe, pair_[i], pair_[1 - i]);
        if (!stopping_) count(probe, outcome, 1);
        if (probe.creates && outcome == std::string_view("leaked")) {
          swept_ = listener.has_users && sweep(listener.url);
        }
      }
    }
  }
}

void Canary::plant(const Listener& listener) {
  if (listener.has_users) {
    if (!swept_) swept_ = sweep(listener.url);
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

bool Canary::sweep(const std::string& url) const {
  bool swept = true;
  for (std::size_t i = 0; i < pair_.size(); ++i) {
    const auto found = ask(find_misplaced(url, pair_[i], pair_[1 - i]));
    swept = swept && found && found->status == 200;
    const Json user = object_in(found, nullptr);
    const Json& id = value_of(user, "id");
    if (!id.is_number_integer()) continue;
    const auto gone = ask(delete_user(url, pair_[i], id.get<std::int64_t>()));
    swept = swept && gone && (gone->status == 204 || gone->status == 404);
  }
  return swept;
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
  if (probe.creates) return outcome_of_creation(url, probe, owner, other);
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
  for (const auto& form : forms_of(*request_of(url, probe, owner, other), probe, owner.tenant)) {
    const auto answer = ask(form.request);
    if (!answer) return "failed";
    if (leaks(probe, owner, *answer)) {
      tell_leak(form, owner, other, *answer);
      return "leaked";
    }
    if (says_nothing(*answer) || (probe.changes && !refuses(*answer))) return "failed";
  }
  return seen ? "kept" : "blind";
}

const char* Canary::outcome_of_creation(const std::string& url, const Probe& probe,
                                        const Planted& owner, const Planted& other) const {
  // A refusal proves something where the same is let through in one's own name.
  const auto own = ask(own_creation(url, probe, owner, key_));
  if (!own || says_nothing(*own)) return "failed";
  if (!is_let_through(*own)) return "blind";
  if (has_key(probe)) {
    const Naming again{"Idempotency-Key", own_creation(url, probe, other, key_)};
    const auto answer = ask(again.request);
    if (!answer || says_nothing(*answer)) return "failed";
    const std::string id = id_in(*own);
    if (id.empty()) return "blind";
    if (leaks(probe, owner, *answer) || answer->body.find(id) != std::string::npos) {
      tell_leak(again, owner, other, *answer);
      return "leaked";
    }
    if (!is_let_through(*answer)) return "failed";
  }
  for (const auto& form : creations_of(url, probe, owner, other)) {
    const auto answer = ask(form.request);
    if (!answer) return "failed";
    if (leaks(probe, owner, *answer) || is_let_through(*answer)) {
      tell_leak(form, owner, other, *answer);
      return "leaked";
    }
    if (answer->status != 403) return "failed";
  }
  return "kept";
}

}  // namespace mesh::canary
