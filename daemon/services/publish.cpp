#include "daemon/services/publish.h"

#include <map>
#include <set>

#include "common/base/json.h"
#include "common/domain/catalogue.h"
#include "daemon/services/common.h"

namespace mesh::services {
namespace {

constexpr int kMaxNewTopics = 32;

class Publisher {
 public:
  explicit Publisher(PublishDeps deps)
      : deps_(std::move(deps)),
        accepted_(deps_.metrics.counter("mesh_ingest_accepted_total",
                                        "Events that were made durable and answered with 202.")) {}

  // POST /api/v1/events/<kind>: bare data of one type.
  void one(std::string_view type, const http::Request& request, http::Responder respond) {
    auto body = object_body(request);
    if (!body) return reject(body.error(), respond);
    if (auto same = same_tenant(request, *body); !same) return reject(same.error(), respond);
    auto event = make_event(request, type, *body, deps_.clock.now());
    if (!event) return reject(event.error(), respond);
    std::vector<Event> events;
    events.push_back(std::move(*event));
    append(request, std::move(events), std::move(respond), [](const std::vector<std::string>& ids) {
      return Json{{"message", "Event published"}, {"id", ids.front()}};
    });
  }

  // POST /api/v1/events: CloudEvents and NDJSON.
  void any(const http::Request& request, http::Responder respond) {
    auto unknown = deps_.tenants.allows_unknown_types(request.tenant());
    if (!unknown) return reject(unknown.error(), respond);
    auto events = read_events(
        request, {.allow_unknown_types = *unknown, .max_event_bytes = deps_.max_event_bytes},
        deps_.clock.now());
    if (!events) return reject(events.error(), respond);
    const auto rest = static_cast<std::int64_t>(events->size()) - 1;
    if (auto charged = deps_.admission.charge(request.tenant(), "publish", rest); !charged) {
      return reject(charged.error(), respond);
    }
    if (auto ready = ensure_topics(request.tenant(), *events); !ready) return reject(ready.error(), respond);
    append(request, std::move(*events), std::move(respond), [](const std::vector<std::string>& ids) {
      Json answer{{"message", ids.size() == 1 ? "Event published" : "Events published"},
                  {"accepted", ids.size()}, {"ids", ids}};
      if (ids.size() == 1) answer["id"] = ids.front();
      return answer;
    });
  }

 private:
  using Body = Json (*)(const std::vector<std::string>& ids);

  void reject(const Error& error, const http::Responder& respond) {
    deps_.metrics.counter("mesh_ingest_rejected_total", "Requests of events that were refused.",
                          {{"reason", std::string(to_string(error.kind))}})
        .add();
    respond(error);
  }

  // Topics of unknown types are made when first used. They stay, so what one tenant may make is
  // bounded: otherwise one could use up the partitions of all.
  Status ensure_topics(const TenantId& tenant, const std::vector<Event>& events) {
    for (const auto& event : events) {
      if (find_event_type(event.type) != nullptr) continue;
      auto topic = topic_of_unknown_type(event.type);
      if (!topic) return fail(topic.error());
      {
        std::lock_guard lock(mutex_);
        if (made_.contains(*topic)) continue;
        auto& count = made_by_[tenant.str()];
        if (count >= kMaxNewTopics) {
          return fail(ErrorKind::unprocessable, "topic " + *topic + " is new, and this tenant made " +
                                                    std::to_string(kMaxNewTopics) + " topics already");
        }
        ++count;
      }
      for (const auto& name : {*topic, dead_letter_topic(*topic)}) {
        TopicSpec spec = deps_.new_topic;
        spec.name = name;
        if (auto made = deps_.admin.ensure_topic(spec); !made) return made;
      }
      std::lock_guard lock(mutex_);
      made_.insert(*topic);
    }
    return {};
  }

  void append(const http::Request& request, std::vector<Event> events, http::Responder respond,
              Body body) {
    idempotent(deps_.idempotency, Keep::answer, request, std::move(respond),
               [&](std::optional<IdempotencyKey>, http::Responder answer) {
                 std::vector<std::string> ids;
                 std::vector<Record> records;
                 ids.reserve(events.size());
                 records.reserve(events.size());
                 for (auto& event : events) {
                   records.push_back(to_record(event));
                   ids.push_back(std::move(event.id));
                 }
                 deps_.log.append(std::move(records),
                                  [this, ids = std::move(ids), answer = std::move(answer),
                                   body](Result<std::vector<Position>> positions) {
                                    if (!positions) return reject(positions.error(), answer);
                                    accepted_.add(static_cast<double>(ids.size()));
                                    answer(http::Response::json(202, body(ids)));
                                  });
               });
  }

  PublishDeps deps_;
  Counter& accepted_;
  std::mutex mutex_;
  std::set<std::string> made_;           // guarded by mutex_; topics of unknown types that exist
  std::map<std::string, int> made_by_;   // guarded by mutex_; how many a tenant made since the start
};

}  // namespace

http::RouteTable publish_routes(PublishDeps deps) {
  using http::Access;
  using http::Body;
  auto publisher = std::make_shared<Publisher>(std::move(deps));
  const std::vector<http::Parameter> key{
      {"Idempotency-Key", "header", "the same key and body give the same answer"}};
  const auto route = [&](const char* pattern, Body body, const char* summary,
                         std::function<void(const http::Request&, http::Responder)> work) {
    return http::Route{.method = "POST", .pattern = pattern, .access = Access::tenant_or_anonymous,
                       .scope = "publish", .body = body, .summary = summary, .parameters = key,
                       .handler = [work = std::move(work)](auto request, auto respond) {
                         work(*request, std::move(respond));
                       }};
  };
  http::RouteTable table{
      route("/api/v1/events/analytics", Body::json, "Publishes one analytics event",
            [publisher](const auto& request, auto respond) {
              publisher->one("analytics.recorded", request, std::move(respond));
            }),
      route("/api/v1/events/chemical", Body::json, "Publishes one chemical event",
            [publisher](const auto& request, auto respond) {
              publisher->one("chemical.recorded", request, std::move(respond));
            }),
      // Blocking: large bodies, and topics that have to be made.
      route("/api/v1/events", Body::bulk,
            "Publishes CloudEvents (binary, structured, batch) or NDJSON lines: all or none",
            [publisher](const auto& request, auto respond) {
              publisher->any(request, std::move(respond));
            }),
  };
  table.back().blocking = true;
  return table;
}

}  // namespace mesh::services
