#include "common/engines/qdrant/points.h"

#include <algorithm>
#include <map>
#include <utility>

#include "common/domain/user.h"
#include "common/engines/qdrant/answers.h"
#include "common/engines/qdrant/bodies.h"

namespace mesh::qdrant {
namespace {

constexpr std::int64_t kLargest = std::int64_t{1} << 53;  // what a double counts exactly
// Of a request. The server looks at every condition of the guard for each of them.
constexpr std::size_t kMostPoints = 500;

// In either form: those of users have a tenantId, those of removals do not.
Json of_all(const TenantId& tenant, std::optional<std::int64_t> user_id) {
  if (user_id) {
    return {{"must", Json::array({{{"has_id", Json::array({point_id(tenant, *user_id)})}}})}};
  }
  return {{"should", Json::array({of_tenant(tenant), equals("removedTenantId", tenant.str())})}};
}

// What is sent of one point: its id, vector and payload.
std::string point(const std::string& id, const VectorChange& change, int dimension, Timestamp now) {
  const bool removal = change.vector.empty();
  Json payload{{removal ? "removedTenantId" : "tenantId", change.tenant.str()},
               {"userId", change.user_id},
               {"eventId", change.event_id},
               {"version", change.version}};
  if (removal) {
    payload["removedAt"] = millis(now);
  } else {
    payload["email"] = change.email;
    payload["name"] = change.name;
    payload["emailKey"] = email_key(change.email);
    payload["nameKey"] = name_key(change.name);
  }
  std::string text = R"({"id":")" + id + R"(","vector":)";
  append_vector(text,
                removal ? std::vector<float>(static_cast<std::size_t>(dimension)) : change.vector);
  return text + R"(,"payload":)" + dump(payload) + "}";
}

// One request under way: its points, and which of them may go over which version.
class Batch {
 public:
  void add(std::string point, std::string id, std::int64_t version) {
    if (count_++ > 0) points_ += ',';
    points_ += point;
    ids_[version].push_back(std::move(id));
  }
  std::size_t count() const { return count_; }
  // Not below the body's: an id is 36 characters in quotes, a condition some 100.
  std::size_t bytes() const { return points_.size() + count_ * 40 + ids_.size() * 120 + 100; }

  // Takes the place of an older point, or of one of the same version: events of other producers
  // carry none, all have 0, and the last one in the log wins. update_filter stands for all points
  // of a request, so that it names those of each version.
  std::string body() const {
    Json guards = Json::array();
    for (const auto& [version, ids] : ids_) {
      Json conditions = Json::array({in_range("version", "lte", version)});
      if (ids_.size() > 1) conditions.push_back({{"has_id", ids}});
      guards.push_back({{"must", std::move(conditions)}});
    }
    const Json filter = guards.size() == 1 ? guards[0] : Json{{"should", std::move(guards)}};
    return R"({"points":[)" + points_ + R"(],"update_filter":)" + dump(filter) + "}";
  }

 private:
  std::string points_;
  std::size_t count_ = 0;
  std::map<std::int64_t, std::vector<std::string>> ids_;  // by version
};

std::string query(std::span<const float> vector, const Json& filter, int limit,
                  const float* min_score) {
  Json rest{{"filter", filter},
            {"limit", limit},
            {"with_payload", {"tenantId", "userId", "email", "name"}},
            {"params", {{"hnsw_ef", kSearchWidth}}}};
  if (min_score != nullptr) rest["score_threshold"] = threshold_of(vector, *min_score);
  std::string text = R"({"query":)";
  append_vector(text, vector);
  return text + "," + dump(rest).substr(1);
}

bool exact_number(std::int64_t value) { return value >= -kLargest && value <= kLargest; }

Status check(const VectorChange& change, int dimension) {
  if (!exact_number(change.user_id) || !exact_number(change.version)) {
    return fail(ErrorKind::invalid, "the index in Qdrant takes user ids and versions up to 2^53");
  }
  if (change.vector.empty()) return {};
  return check_vector(change.vector, dimension);
}

}  // namespace

std::string point_id(const TenantId& tenant, std::int64_t user_id) {
  return point_id_of(tenant, std::to_string(user_id));
}

std::vector<std::string> payload_indexes(int minor_version) {
  std::vector<std::string> bodies;
  const auto add = [&](const char* field, Json schema, bool links) {
    bodies.push_back(index_of(field, std::move(schema), links, minor_version));
  };
  add("tenantId", {{"type", "keyword"}, {"is_tenant", true}}, true);
  for (const char* field : {"emailKey", "nameKey"}) add(field, {{"type", "keyword"}}, false);
  for (const char* field : {"userId", "version", "removedAt"}) {
    add(field, {{"type", "integer"}, {"lookup", false}, {"range", true}}, false);
  }
  return bodies;
}

Result<std::vector<const VectorChange*>> newest_of(std::span<const VectorChange> changes,
                                                   int dimension) {
  std::vector<const VectorChange*> newest;
  std::map<std::pair<std::string, std::int64_t>, std::size_t> places;
  for (const auto& change : changes) {
    MESH_TRY(check(change, dimension));
    const auto [it, first] =
        places.try_emplace({change.tenant.str(), change.user_id}, newest.size());
    if (first) {
      newest.push_back(&change);
    } else if (change.version >= newest[it->second]->version) {
      newest[it->second] = &change;
    }
  }
  return newest;
}

std::vector<std::string> upserts(std::span<const VectorChange* const> changes, int dimension,
                                 Timestamp now, std::size_t max_bytes) {
  std::vector<std::string> bodies;
  Batch batch;
  for (const auto* change : changes) {
    auto id = point_id(change->tenant, change->user_id);
    auto text = point(id, *change, dimension, now);
    const bool full = batch.bytes() + text.size() + 160 > max_bytes || batch.count() == kMostPoints;
    if (full && batch.count() > 0) bodies.push_back(std::exchange(batch, {}).body());
    batch.add(std::move(text), std::move(id), change->version);
  }
  if (batch.count() > 0) bodies.push_back(batch.body());
  return bodies;
}

std::string best_query(const TenantId& tenant, std::span<const float> vector, int limit,
                       float min_score) {
  return query(vector, {{"must", Json::array({of_tenant(tenant)})}}, limit, &min_score);
}

std::string matching_queries(const TenantId& tenant, std::span<const float> vector, int limit,
                             float min_score, const SearchText& text, int exact_limit) {
  const Json either = {equals("emailKey", text.email_key()), equals("nameKey", text.name_key())};
  const Json exact = {{"must", {of_tenant(tenant)}}, {"should", either}};
  return R"({"searches":[)" + best_query(tenant, vector, limit, min_score) + "," +
         query(vector, exact, exact_limit, nullptr) + "]}";
}

Result<std::vector<SearchHit>> hits_of(const Json& result, const TenantId& tenant, double factor) {
  std::vector<SearchHit> hits;
  for (const auto& point : points_of(result)) {
    const auto &user = in_payload(point, "userId"), &email = in_payload(point, "email"),
               &name = in_payload(point, "name");
    if (in_payload(point, "tenantId") != tenant.str() || !user.is_number_integer() ||
        !email.is_string() || !name.is_string() || !point.contains("score") ||
        !point["score"].is_number()) {
      return foreign_point(point);
    }
    // A sum of squares of 32 bits may come out a little beyond 1.
    const double score = std::clamp(point["score"].get<double>() * factor, -1.0, 1.0);
    hits.push_back({user.get<std::int64_t>(), tenant, static_cast<float>(score),
                    email.get<std::string>(), name.get<std::string>()});
  }
  return hits;
}

std::string users_page(const TenantId& tenant, std::int64_t after, int limit) {
  return dump(
      {{"filter", {{"must", Json::array({of_tenant(tenant), in_range("userId", "gt", after)})}}},
       {"limit", limit},
       {"with_payload", {"userId", "version", "email", "name", "eventId"}},
       {"order_by", {{"key", "userId"}, {"direction", "asc"}}}});
}

Result<std::vector<IndexedUser>> users_of(const Json& result) {
  std::vector<IndexedUser> users;
  for (const auto& point : points_of(result)) {
    const auto &user = in_payload(point, "userId"), &version = in_payload(point, "version"),
               &email = in_payload(point, "email"), &name = in_payload(point, "name"),
               &event = in_payload(point, "eventId");
    if (!user.is_number_integer() || !version.is_number_integer() || !email.is_string() ||
        !name.is_string()) {
      return foreign_point(point);
    }
    users.push_back({user.get<std::int64_t>(), version.get<std::int64_t>(),
                     email.get<std::string>(), name.get<std::string>(),
                     event.is_string() ? event.get<std::string>() : std::string()});
  }
  return users;
}

std::string kept_page(const TenantId& tenant, std::optional<std::int64_t> user_id,
                      const std::string& from, int limit) {
  Json body{{"filter", of_all(tenant, user_id)},
            {"limit", limit},
            {"with_payload", Json::array({"tenantId"})}};
  if (!from.empty()) body["offset"] = from;
  return dump(body);
}

Result<KeptPoints> kept_of(const Json& result) {
  KeptPoints kept;
  for (const auto& point : points_of(result)) {
    if (!point.is_object()) return foreign_point(point);
    ++(in_payload(point, "tenantId").is_string() ? kept.vectors : kept.removals);
  }
  return kept;
}

std::string drop_kept(const TenantId& tenant, std::optional<std::int64_t> user_id) {
  return dump({{"filter", of_all(tenant, user_id)}});
}

std::string removals_index(int minor_version) {
  return index_of("removedTenantId", {{"type", "keyword"}}, false, minor_version);
}

std::string removals_page(Timestamp before, int limit) {
  return dump({{"filter", {{"must", Json::array({in_range("removedAt", "lt", millis(before))})}}},
               {"limit", limit},
               {"with_payload", false}});
}

Result<std::vector<std::string>> ids_of(const Json& result) {
  std::vector<std::string> ids;
  for (const auto& point : points_of(result)) {
    if (!point.is_object() || !point.contains("id") || !point["id"].is_string()) {
      return foreign_point(point);
    }
    ids.push_back(point["id"].get<std::string>());
  }
  return ids;
}

std::string drop_removals(std::span<const std::string> ids, Timestamp before) {
  // A user who came back in between is no removal any more.
  const Json those{{"has_id", std::vector<std::string>(ids.begin(), ids.end())}};
  return dump(
      {{"filter", {{"must", Json::array({those, in_range("removedAt", "lt", millis(before))})}}}});
}

}  // namespace mesh::qdrant
