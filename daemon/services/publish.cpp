#include "daemon/services/publish.h"

#include <algorithm>
#include <map>
#include <set>

#include "common/base/ids.h"
#include "common/base/json.h"
#include "common/domain/catalogue.h"
#include "common/domain/own_types.h"
#include "daemon/pipeline/batch_spans.h"
#include "daemon/pipeline/groups.h"
#include "daemon/services/api_parts.h"
#include "daemon/services/common.h"
#include "daemon/services/request_search.h"

namespace mesh::services {
namespace {

constexpr std::size_t kMaxTopics = kMaxOwnTypes;  // of a tenant's own types, registered or not

constexpr const char* kCounted = pipeline::kAnalytics.done;

// What becomes of the events of a request.
Acks acks_of(const std::vector<Event>& events) {
  const auto counted = std::ranges::count_if(events, [](const Event& event) {
    const auto* type = find_event_type(event.type);
    return type != nullptr && pipeline::group_of(type->topic) != nullptr;
  });
  if (counted == 0) return {};
  return {kCounted, static_cast<std::size_t>(counted) == events.size()};
}

// The name that the id of a request's n-th event is made of; no two requests share one, since what
// stands behind the last colon is a number.
std::string name_of(const IdempotencyKey& key, std::size_t n) {
  return std::to_string(key.tenant.str().size()) + ":" + key.tenant.str() + ":" + key.key + ":" +
         std::to_string(n);
}

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
    append(request, events, std::move(respond), [](const std::vector<std::string>& ids) {
      std::string answer = R"({"message":"Event published","id":)";
      append_quoted(answer, ids.front());
      return answer + "}";
    });
  }

  // POST /api/v1/events: CloudEvents and NDJSON.
  void any(const http::Request& request, http::Responder respond) {
    auto unknown = deps_.tenants.allows_unknown_types(request.tenant());
    if (!unknown) return reject(unknown.error(), respond);
    auto own = deps_.tenants.own_types(request.tenant());
    if (!own) return reject(own.error(), respond);
    auto events = read_events(request,
                              {.allow_unknown_types = *unknown,
                               .own_types = std::move(*own),
                               .max_event_bytes = deps_.max_event_bytes},
                              deps_.clock.now());
    if (!events) return reject(events.error(), respond);
    const auto rest = static_cast<std::int64_t>(events->size()) - 1;
    if (auto charged = deps_.admission.charge(*request.principal, "publish", rest); !charged) {
      return reject(charged.error(), respond);
    }
    if (auto ready = ensure_topics(request.tenant(), *events); !ready)
      return reject(ready.error(), respond);
    append(request, *events, std::move(respond), [](const std::vector<std::string>& ids) {
      Json answer{{"message", ids.size() == 1 ? "Event published" : "Events published"},
                  {"accepted", ids.size()},
                  {"ids", ids}};
      if (ids.size() == 1) answer["id"] = ids.front();
      return dump(answer);
    });
  }

 private:
  using Body = std::string (*)(const std::vector<std::string>& ids);

  void count(const Error& error) {
    deps_.metrics
        .counter("mesh_ingest_rejected_total", "Requests of events that were refused.",
                 {{"reason", std::string(to_string(error.kind))}})
        .add();
  }
  void reject(const Error& error, const http::Responder& respond) {
    count(error);
    respond(error);
  }

  // Topics of unknown types are made when first used. They stay, so how many one tenant may use
  // between two starts is bounded: otherwise one could use up the partitions of all. A topic counts
  // for each tenant that uses it, or the count would tell a tenant which topics others have.
  Status ensure_topics(const TenantId& tenant, const std::vector<Event>& events) {
    for (const auto& event : events) {
      if (find_event_type(event.type) != nullptr) continue;
      auto topic = MESH_TRY(topic_of_unknown_type(event.type));
      {
        std::lock_guard lock(mutex_);
        auto& used = used_by_[tenant.str()];
        if (!used.contains(topic) && used.size() >= kMaxTopics) {
          return fail(ErrorKind::unprocessable,
                      "topic " + topic + " is one too many: this tenant uses " +
                          std::to_string(kMaxTopics) + " of its own types");
        }
        if (made_.contains(topic)) {
          used.insert(topic);
          continue;
        }
      }
      // Without the lock, since it waits for a commit; two requests at once make the same topic.
      for (const auto& name : {topic, dead_letter_topic(topic)}) {
        TopicSpec spec = deps_.new_topic;
        spec.name = name;
        MESH_TRY(deps_.admin.ensure_topic(spec));
      }
      std::lock_guard lock(mutex_);
      made_.insert(topic);
      used_by_[tenant.str()].insert(topic);
    }
    return {};
  }

  // What a request appends, and how it is answered.
  struct Batch {
    Principal principal;
    std::size_t bytes;  // of its body
    std::vector<Record> records;
    std::vector<std::string> ids;
    Body body;
    Ended ended;
    std::shared_ptr<QuotaKeeper::Taken> taken;  // shared, as the log's completion can be copied

    const TenantId& tenant() const { return *principal.tenant; }
    QuotaKeeper::Cost cost() const {
      return {.events = static_cast<std::int64_t>(ids.size()),
              .bytes = static_cast<std::int64_t>(bytes)};
    }
  };

  // All but the ids is made here, since what is done under a key may run on a thread of the
  // store's.
  void append(const http::Request& request, std::vector<Event>& events, http::Responder respond,
              Body body) {
    auto held = deps_.waits.hold(request, acks_of(events), respond);
    if (!held) return reject(held.error(), respond);
    deps_.tenants.note_use(request.tenant());
    Batch batch{*request.principal, request.body.size(), {}, {}, body, {}, {}};
    batch.records.reserve(events.size());
    batch.ids.reserve(events.size());
    const Headers by = acceptance(request);
    for (Event& event : events) {
      // A client cannot say who was let in.
      std::erase_if(event.extensions, [](const auto& one) {
        return one.first == accepted::kBy || one.first == accepted::kRequestId;
      });
      event.extensions.insert(event.extensions.end(), by.begin(), by.end());
      batch.records.push_back(to_record(event));
      batch.ids.push_back(event.id);
    }
    idempotent(
        deps_.idempotency, Keep::answer, request, std::move(*held),
        [this, batch = std::move(batch)](std::optional<KeyedWork> work, Ended ended) mutable {
          batch.ended = std::move(ended);
          // Not of a request that was answered under its key. One whose answer is not known takes
          // its part again, since what it took may be of a process that is gone.
          auto within = deps_.admission.spend(batch.principal, batch.cost());
          if (!within) return refuse(within.error(), batch);
          batch.taken = std::make_shared<QuotaKeeper::Taken>(*std::move(within));
          work ? append_once(*work, std::move(batch)) : append_new(std::move(batch));
        });
  }

  static http::Response published(const Batch& batch, const WritePosition& position) {
    return with_position(http::Response::json_text(202, batch.body(batch.ids)), position);
  }

  void refuse(const Error& error, const Batch& batch) {
    count(error);
    batch.ended(fail(error));
  }

  void use(const Batch& batch) {
    batch.taken->settle(batch.cost());
    deps_.usage.add(batch.tenant().str(),
                    {{Use::events, batch.ids.size()}, {Use::bytes, batch.bytes}});
  }

  void append_new(Batch batch) {
    const Timestamp now = deps_.clock.now();
    give_ids(batch, [&](std::size_t) { return new_uuid_v7(now); });
    write(std::move(batch));
  }

  // The answer under the key is stored behind the append. Where the process ended in between, or
  // the log could not tell what it took, the note of the key tells the next try when the first one
  // was: it makes the same ids, finds all of them in the log, or appends them all again, which
  // count once.
  void append_once(const KeyedWork& work, Batch batch) {
    give_ids(batch,
             [&](std::size_t i) { return uuid_v7_of(work.began, name_of(work.claim.key, i)); });
    if (!work.again) return write(std::move(batch));
    auto shared = std::make_shared<Batch>(std::move(batch));
    search_.whole(shared->records, work.began,
                  [this, shared](Result<std::optional<WritePosition>> there) {
                    if (!there) {
                      shared->taken->settle({});  // before whoever is told sends it again
                      return refuse(there.error(), *shared);
                    }
                    if (!*there) return write(std::move(*shared));
                    // Whoever appended it has not answered, and so most likely not counted it.
                    use(*shared);
                    shared->ended(published(*shared, **there));
                  });
  }

  // To events whose clients gave none.
  template <typename MakeId>
  static void give_ids(Batch& batch, MakeId make_id) {
    for (std::size_t i = 0; i < batch.ids.size(); ++i) {
      if (!batch.ids[i].empty()) continue;
      batch.ids[i] = make_id(i);
      for (auto& [name, value] : batch.records[i].headers) {
        if (name == "ce_id") value = batch.ids[i];
      }
    }
  }

  void write(Batch batch) {
    auto records = std::move(batch.records);
    auto traced = begin_spans(records);
    deps_.log.append(std::move(records),
                     [this, traced = std::move(traced),
                      batch = std::move(batch)](Result<std::vector<Position>> at) mutable {
                       if (traced) traced->end_all(at ? std::nullopt : std::optional(at.error()));
                       if (!at) {
                         // What is uncertain may be in the log.
                         const bool nothing = at.error().kind != ErrorKind::uncertain;
                         batch.taken->settle(nothing ? QuotaKeeper::Cost{} : batch.cost());
                         return refuse(at.error(), batch);
                       }
                       accepted_.add(static_cast<double>(batch.ids.size()));
                       use(batch);
                       batch.ended(published(batch, place_of(*at)));
                     });
  }

  std::optional<pipeline::BatchSpans> begin_spans(const std::vector<Record>& records) const {
    if (deps_.spans == nullptr) return std::nullopt;
    pipeline::BatchSpans all(*deps_.spans, "log append", Span::Kind::producer);
    for (const Record& record : records) {
      all.add(pipeline::parent_of(record.headers),
              pipeline::attributes_of(record.topic, record.headers), deps_.spans->now());
    }
    return all;
  }

  PublishDeps deps_;
  Counter& accepted_;
  std::mutex mutex_;
  std::set<std::string> made_;  // guarded by mutex_; topics of unknown types that exist
  std::map<std::string, std::set<std::string>>
      used_by_;                                   // guarded by mutex_; by tenant, since the start
  RequestSearch search_{deps_.log, deps_.admin};  // last: it calls back
};

}  // namespace

http::RouteTable publish_routes(PublishDeps deps) {
  using http::Access;
  using http::Body;
  auto publisher = std::make_shared<Publisher>(std::move(deps));
  const auto route = [&](const char* pattern, const char* operation, const char* summary, Body body,
                         std::vector<http::Content> taken, const char* published,
                         std::function<void(const http::Request&, http::Responder)> work) {
    http::Route row{.method = "POST",
                    .pattern = pattern,
                    .access = Access::tenant_or_anonymous,
                    .scope = "publish",
                    .body = body,
                    .token_roles = {TokenRole::publisher},
                    .operation = operation,
                    .tag = "publishing",
                    .summary = summary,
                    .parameters = {api::idempotency_key()},
                    .request = std::move(taken),
                    .answers = {api::gives(published, "All of it is durable.", 202)},
                    .problems = {409, 422},
                    .handler = [work = std::move(work)](auto request, auto respond) {
                      work(*request, std::move(respond));
                    }};
    return api::held(std::move(row), {kCounted});
  };
  http::RouteTable table{
      route("/api/v1/events/analytics", "publishAnalyticsEvent", "Publishes one analytics event",
            Body::json, api::json("AnalyticsData"), "Published",
            [publisher](const auto& request, auto respond) {
              publisher->one("analytics.recorded", request, std::move(respond));
            }),
      route("/api/v1/events/chemical", "publishChemicalEvent", "Publishes one chemical event",
            Body::json, api::json("ChemicalData"), "Published",
            [publisher](const auto& request, auto respond) {
              publisher->one("chemical.recorded", request, std::move(respond));
            }),
      route("/api/v1/events", "publishEvents", "Publishes CloudEvents, all of them or none",
            Body::bulk,
            {{"application/cloudevents+json", api::ref("CloudEvent")},
             {"application/cloudevents-batch+json",
              {{"type", "array"}, {"minItems", 1}, {"items", api::ref("CloudEvent")}}},
             api::lines(
                 R"({"type":"analytics.recorded","data":{"user_id":"7","event_type":"login"}})")
                 .front()},
            "PublishedEvents",
            [publisher](const auto& request, auto respond) {
              publisher->any(request, std::move(respond));
            }),
  };
  auto& any = table.back();
  any.details =
      "One event in the structured mode of the CloudEvents HTTP binding, many in its batched mode, "
      "or a CloudEvent in each line, where `id`, `source` and `specversion` may be missing. The "
      "binary mode is taken too: the body in any media type, and the attributes in header fields "
      "(`ce-id`, `ce-source`, `ce-type`, `ce-specversion: 1.0`, …). Types outside the catalogue "
      "are "
      "taken where the tenant's record has the type, whose schema the data must match, or says "
      "`allow_unknown_types`. Costs a unit of the rate limit "
      "an "
      "event.";
  any.pool = http::Pool::quick;  // large bodies, and topics that have to be made
  return table;
}

}  // namespace mesh::services
