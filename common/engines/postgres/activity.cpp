#include "common/engines/postgres/activity.h"

#include "common/base/strings.h"
#include "common/base/unicode.h"
#include "common/engines/postgres/stored_json.h"

namespace mesh::postgres {
namespace {

constexpr int kOverviewEvents = 10;

// Where it may be too long for an index, a digest in its place. No name begins so.
std::string index_key(const std::string& name) {
  constexpr std::size_t kMost = 1'000;
  return name.size() <= kMost ? name : std::string(1, '\0') + sha256_hex(name);
}

std::string event_key(const std::string& source, const std::string& id) {
  return sha256_hex(std::to_string(source.size()) + ":" + source + id);
}

// The columns of events, each an array.
struct Columns {
  std::vector<std::string> tenants, data, properties;
  BytesList event_keys, sources, ids, subject_keys, labels, label_keys, timestamps;
  std::vector<std::int64_t> processed_at, times;

  template <typename Event>
  void add(const Event& event, const std::string& subject, const std::string& label) {
    tenants.push_back(event.tenant.str());
    event_keys.items.push_back(event_key(event.source, event.id));
    sources.items.push_back(event.source);
    ids.items.push_back(event.id);
    // Both in one form, since counts are by what a name is and not by how a producer spelt it; the
    // data keeps the spelling.
    subject_keys.items.push_back(index_key(to_nfc(subject)));
    labels.items.push_back(to_nfc(label));
    label_keys.items.push_back(index_key(labels.items.back()));
    timestamps.items.push_back(event.timestamp);
    processed_at.push_back(event.processed_at.time_since_epoch().count());
    times.push_back(event.time.time_since_epoch().count());
  }
  void add(const AnalyticsEvent& event) {
    add(event, event.user_id, event.event_type);
    data.push_back(dump(event.metadata));
    properties.emplace_back();
  }
  void add(const ChemicalEvent& event) {
    add(event, event.researcher, event.molecule_id);
    data.push_back(dump(event.data));
    properties.push_back(dump(event.llm_properties));
  }
};

// Tenants, subjects and counts are written in an order, so that batches side by side do not wait
// for each other in a ring.
std::vector<Query> insert_queries(ActivityKind kind, const Columns& rows) {
  return {
      query("INSERT INTO tenants(id) SELECT DISTINCT unnest($1) COLLATE \"C\" ORDER BY 1"
            " ON CONFLICT DO NOTHING",
            rows.tenants),
      query("INSERT INTO activity_subjects(tenant,kind,name_key)"
            " SELECT DISTINCT tenant,$1::integer,name_key FROM unnest($2,$3) AS s(tenant,name_key)"
            " ORDER BY 1,2,3 ON CONFLICT DO NOTHING",
            kind, rows.tenants, rows.subject_keys),
      // An event that was recorded before makes no row, and must not count twice.
      query("WITH fresh AS (INSERT INTO activity(tenant,kind,event_key,source,event_id,subject,"
            "   label,timestamp,processed_at,event_time,data,properties)"
            "   SELECT e.tenant,s.kind,e.event_key,e.source,e.event_id,s.number,e.label,"
            "   e.timestamp,e.processed_at,e.event_time,e.data,e.properties"
            "   FROM unnest($2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12) WITH ORDINALITY"
            "     AS e(tenant,name_key,event_key,source,event_id,label,timestamp,processed_at,"
            "          event_time,data,properties,place)"
            "   JOIN activity_subjects s ON s.tenant=e.tenant AND s.kind=$1"
            "     AND s.name_key=e.name_key"
            "   ORDER BY e.place ON CONFLICT DO NOTHING RETURNING subject,label)"
            " INSERT INTO activity_counts AS c(subject,label_key,label,events)"
            " SELECT subject,label_key,label,count(*) FROM fresh"
            " JOIN (SELECT DISTINCT * FROM unnest($7,$13) AS l(label,label_key)) AS l USING(label)"
            " GROUP BY 1,2,3 ORDER BY 1,2"
            " ON CONFLICT(subject,label_key) DO UPDATE SET events=c.events+excluded.events",
            kind, rows.tenants, rows.subject_keys, rows.event_keys, rows.sources, rows.ids,
            rows.labels, rows.timestamps, rows.processed_at, rows.times, rows.data, rows.properties,
            rows.label_keys),
  };
}

template <typename Event>
Status record_events(Pool& pool, ActivityKind kind, std::span<const Event> events,
                     const Through& through) {
  if (events.empty() && through.empty()) return {};
  std::vector<Query> queries;
  if (!events.empty()) {
    Columns rows;
    for (const Event& event : events) rows.add(event);
    queries = insert_queries(kind, rows);
  }
  if (!through.empty()) queries.push_back(offsets_query(kind, through));
  // One transaction of one round trip. What is recorded twice counts once.
  (void)MESH_TRY(
      pool.run(Repeat::harmless, [&](Session& session) { return session.run(queries); }));
  return {};
}

Query newest_query(ActivityKind kind, const TenantId& tenant, const std::string& subject,
                   int limit) {
  return query(
      "SELECT a.event_id,a.source,a.label,a.timestamp,a.processed_at,a.event_time,a.data,"
      "a.properties FROM activity_subjects s JOIN activity a ON a.subject=s.number"
      " WHERE s.tenant=$1 AND s.kind=$2 AND s.name_key=$3"
      " ORDER BY a.event_time DESC,a.position DESC LIMIT $4",
      tenant, kind, Bytes{subject}, limit);
}

// As it was written; what is no JSON is damage.
Result<Json> as_written(std::string_view text) {
  auto read = parse_stored(text, "an event");
  return read ? raw_json(text) : std::move(read);
}

Status read_row(const Rows& rows, int i, const TenantId& tenant, const std::string& subject,
                std::vector<AnalyticsEvent>& out) {
  auto metadata = MESH_TRY(as_written(rows.text(i, 6)));
  out.push_back({rows.string(i, 0), rows.string(i, 1), tenant, subject, rows.string(i, 2),
                 rows.string(i, 3), std::move(metadata), rows.time(i, 4), rows.time(i, 5)});
  return {};
}

Status read_row(const Rows& rows, int i, const TenantId& tenant, const std::string& subject,
                std::vector<ChemicalEvent>& out) {
  auto data = MESH_TRY(as_written(rows.text(i, 6)));
  auto properties = MESH_TRY(as_written(rows.text(i, 7)));
  out.push_back({rows.string(i, 0), rows.string(i, 1), tenant, rows.string(i, 2), subject,
                 rows.string(i, 3), std::move(data), std::move(properties), rows.time(i, 4),
                 rows.time(i, 5)});
  return {};
}

template <typename Event>
Result<std::vector<Event>> events_of(const Rows& rows, const TenantId& tenant,
                                     const std::string& subject) {
  // A subject without a row was never seen, and neither was one of another tenant: both answer
  // alike.
  if (rows.size() == 0) {
    return fail(ErrorKind::not_found, "no events of " + subject + " in tenant " + tenant.str());
  }
  std::vector<Event> events;
  for (int i = 0; i < rows.size(); ++i) MESH_TRY(read_row(rows, i, tenant, subject, events));
  return events;
}

template <typename Event>
Result<std::vector<Event>> recent_events(Pool& pool, ActivityKind kind, const TenantId& tenant,
                                         std::string_view name, int limit) {
  const std::string subject = to_nfc(name);
  const auto rows = MESH_TRY(pool.run(Repeat::read, [&](Session& session) {
    return session.run(newest_query(kind, tenant, index_key(subject), limit));
  }));
  return events_of<Event>(rows, tenant, subject);
}

Result<std::optional<Timestamp>> recorded_event(Pool& pool, ActivityKind kind,
                                                const TenantId& tenant, std::string_view source,
                                                std::string_view id) {
  const std::string key = event_key(std::string(source), std::string(id));
  const auto rows = MESH_TRY(pool.run(Repeat::read, [&](Session& session) {
    return session.run(
        query("SELECT processed_at FROM activity WHERE tenant=$1 AND kind=$2 AND event_key=$3",
              tenant, kind, Bytes{key}));
  }));
  if (rows.size() == 0) return std::nullopt;
  return rows.time(0, 0);
}

template <typename Event>
struct Overview {
  std::int64_t total = 0;
  std::vector<std::pair<std::string, std::int64_t>> labels;  // by name, with their counts
  std::vector<Event> recent;
};

template <typename Event>
Result<Overview<Event>> overview(Pool& pool, ActivityKind kind, const TenantId& tenant,
                                 std::string_view name) {
  const std::string subject = to_nfc(name), key = index_key(subject);
  // One snapshot, so that the counts and the newest events agree.
  const auto results = MESH_TRY(pool.run(Repeat::read, [&](Session& session) {
    return session.run({
        query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),
        query("SELECT c.label,c.events FROM activity_subjects s"
              " JOIN activity_counts c ON c.subject=s.number"
              " WHERE s.tenant=$1 AND s.kind=$2 AND s.name_key=$3 ORDER BY c.label",
              tenant, kind, Bytes{key}),
        newest_query(kind, tenant, key, kOverviewEvents),
        query("COMMIT"),
    });
  }));
  Overview<Event> all;
  for (int i = 0; i < results[1].size(); ++i) {
    all.labels.emplace_back(results[1].string(i, 0), results[1].integer(i, 1));
    all.total += results[1].integer(i, 1);
  }
  all.recent = MESH_TRY(events_of<Event>(results[2], tenant, subject));
  return all;
}

}  // namespace

std::string subject_key(std::string_view name) { return index_key(to_nfc(name)); }

Query offsets_query(int kind, const Through& through) {
  std::vector<std::string> topics;
  std::vector<std::int64_t> partitions, next;
  for (const auto& [at, offset] : through) {
    topics.push_back(at.topic);
    partitions.push_back(at.partition);
    next.push_back(offset);
  }
  return query(
      "INSERT INTO projection_offsets AS p(kind,topic,partition,next)"
      " SELECT $1,* FROM unnest($2,$3,$4)"
      // A replay goes over offsets that lie far behind.
      " ON CONFLICT(kind,topic,partition)"
      " DO UPDATE SET next=greatest(p.next,excluded.next)",
      kind, topics, partitions, next);
}

Status Analytics::record(std::span<const AnalyticsEvent> events, const Through& through) {
  return record_events(pool_, kAnalytics, events, through);
}

Result<AnalyticsSummary> Analytics::summary(const TenantId& tenant, std::string_view user_id) {
  auto all = MESH_TRY(overview<AnalyticsEvent>(pool_, kAnalytics, tenant, user_id));
  // The name as it was asked for, as a client expects it back.
  return AnalyticsSummary{std::string(user_id), all.total, std::move(all.labels),
                          std::move(all.recent)};
}

Result<std::vector<AnalyticsEvent>> Analytics::recent(const TenantId& tenant,
                                                      std::string_view user_id, int limit) {
  return recent_events<AnalyticsEvent>(pool_, kAnalytics, tenant, user_id, limit);
}

Result<std::optional<Timestamp>> Analytics::recorded(const TenantId& tenant,
                                                     std::string_view source,
                                                     std::string_view event_id) {
  return recorded_event(pool_, kAnalytics, tenant, source, event_id);
}

Status Chemical::record(std::span<const ChemicalEvent> events, const Through& through) {
  return record_events(pool_, kChemical, events, through);
}

Result<ResearcherSummary> Chemical::summary(const TenantId& tenant, std::string_view researcher) {
  auto all = MESH_TRY(overview<ChemicalEvent>(pool_, kChemical, tenant, researcher));
  std::vector<std::string> molecules;
  for (auto& [molecule, experiments] : all.labels) molecules.push_back(std::move(molecule));
  return ResearcherSummary{std::string(researcher), all.total, std::move(molecules),
                           std::move(all.recent)};
}

Result<std::vector<ChemicalEvent>> Chemical::recent(const TenantId& tenant,
                                                    std::string_view researcher, int limit) {
  return recent_events<ChemicalEvent>(pool_, kChemical, tenant, researcher, limit);
}

Result<std::optional<Timestamp>> Chemical::recorded(const TenantId& tenant, std::string_view source,
                                                    std::string_view event_id) {
  return recorded_event(pool_, kChemical, tenant, source, event_id);
}

}  // namespace mesh::postgres
