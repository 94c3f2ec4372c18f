#include "daemon/services/common.h"

#include <algorithm>
#include <cmath>

#include "common/base/ids.h"
#include "common/base/range_text.h"
#include "common/base/strings.h"
#include "common/base/time.h"
#include "common/http/syntax.h"
#include "common/telemetry/log.h"

namespace mesh::services {
namespace {

std::string number_text(double value) {
  std::string text = dump(Json(value));
  // As people write a bound: 1, and not 1.0.
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

tl::unexpected<Error> bad_param(std::string_view name, std::string_view value,
                                const std::string& allowed) {
  return fail(ErrorKind::invalid, "query parameter " + std::string(name) + ": \"" +
                                      std::string(value) + "\" is not " + allowed);
}

// What makes two requests the same: route, media type, the attributes of a binary CloudEvent, body.
// Each part is preceded by its length, so that no two requests read alike.
std::string fingerprint(const http::Request& request) {
  std::vector<std::string> parts{request.method, request.path,
                                 std::string(request.header("Content-Type").value_or(""))};
  // A client may send the attributes in another order when it tries again.
  const auto fixed = static_cast<std::ptrdiff_t>(parts.size());
  for (const auto& [name, value] : request.headers) {
    std::string lower = to_lower(name);
    if (lower.starts_with("ce-")) parts.push_back(lower + "=" + value);
  }
  std::sort(parts.begin() + fixed, parts.end());
  parts.push_back(request.body);
  std::string text;
  for (const auto& part : parts) text += std::to_string(part.size()) + ":" + part;
  // 128 bits: enough that no two requests of one key meet by chance.
  return sha256_hex(text).substr(0, 32);
}

// Of an event in its JSON format: extensions are its sender's own words.
Json attributes_of(const Json& event) {
  Json kept = Json::object();
  for (const char* name : {"specversion", "id", "type", "source", "time", "subject", "tenantid",
                           "sequence", "datacontenttype", "traceparent"}) {
    if (event.contains(name)) kept[name] = event[name];
  }
  return kept;
}

void leave_out_causes(Json& json) {
  if (!json.is_structured()) return;
  if (json.is_object() && json.contains("cause") && json["cause"].is_string()) json["cause"] = "";
  for (Json& each : json) leave_out_causes(each);
}

}  // namespace

Headers acceptance(const http::Request& request) {
  Headers by;
  if (const auto& principal = request.principal) {
    const bool tenants = principal->kind == Principal::Kind::tenant_user;
    by.emplace_back(accepted::kBy, (tenants ? "user:" : "operator:") + principal->user);
  }
  by.emplace_back(accepted::kRequestId, request.request_id);
  return by;
}

Result<std::int64_t> int_param(const http::Request& request, std::string_view name,
                               const IntRange& range) {
  const auto text = request.param(name);
  if (!text) return range.fallback;
  const auto value = parse_int(*text);
  if (!value || *value < range.low || *value > range.high) {
    return bad_param(name, *text, whole_number_text(range.low, range.high));
  }
  return *value;
}

Result<double> number_param(const http::Request& request, std::string_view name,
                            const NumberRange& range) {
  const auto text = request.param(name);
  if (!text) return range.fallback;
  const auto value = parse_double(*text);
  if (!value || !std::isfinite(*value) || *value < range.low || *value > range.high) {
    return bad_param(name, *text,
                     "a number from " + number_text(range.low) + " to " + number_text(range.high));
  }
  return *value;
}

Result<std::optional<Timestamp>> time_param(const http::Request& request, std::string_view name,
                                            Timestamp now) {
  const auto text = request.param(name);
  if (!text || text->empty()) return std::optional<Timestamp>();
  if (const auto instant = parse_rfc3339(*text)) return std::optional(*instant);
  if (const auto ago = parse_duration(*text)) return std::optional(now - *ago);
  return fail(ErrorKind::invalid, "query parameter " + std::string(name) + ": \"" +
                                      std::string(*text) +
                                      "\" is neither a time such as 2026-11-21T08:00:00Z nor how "
                                      "long ago, such as 7d");
}

std::string text_param(const http::Request& request, std::string_view name) {
  return std::string(request.param(name).value_or(""));
}

Result<Json> object_body(const http::Request& request) {
  if (request.body.empty()) return Json::object();
  // The server has bounded the body by its route already.
  auto json = parse_json(request.body, {.max_depth = 32, .max_bytes = request.body.size()});
  if (!json) return json;
  if (!json->is_object()) return fail(ErrorKind::invalid, "the body must be a JSON object");
  return json;
}

Status no_members(const http::Request& request) {
  auto body = MESH_TRY(object_body(request));
  return only_members(body, {});
}

std::string make_cursor(std::string_view kind, std::string_view value) {
  return base64url_encode(std::string(kind) + ":" + std::string(value));
}

Result<std::string> read_cursor(std::string_view kind, std::string_view cursor) {
  const auto text = base64url_decode(cursor);
  const std::string prefix = std::string(kind) + ":";
  if (!text || !text->starts_with(prefix)) {
    return fail(ErrorKind::invalid,
                "query parameter cursor: not a cursor of this list; take it from "
                "the answer before, or leave it out to begin at the start");
  }
  return text->substr(prefix.size());
}

bool hides_payloads(const http::Request& request) {
  return request.principal && request.principal->hides_payloads;
}

Json without_payload(Json item) {
  for (const char* name : {"value_base64", "data_base64", "data"}) item.erase(name);
  if (item.contains("value")) item["value"] = nullptr;
  // What the mesh wrote itself into them stands in members of their own.
  if (item.contains("headers")) item["headers"] = Json::object();
  if (const auto event = item.find("event"); event != item.end() && event->is_object()) {
    *event = attributes_of(*event);
  }
  leave_out_causes(item);
  item["payload_hidden"] = true;
  return item;
}

http::Response page(Json items, std::optional<std::string> next) {
  return http::Response::json(
      200, {{"items", std::move(items)}, {"next", next ? Json(*next) : Json(nullptr)}});
}

Status same_tenant(const http::Request& request, const Json& object) {
  for (const char* name : {"tenantId", "tenant_id"}) {
    const auto it = object.find(name);
    if (it == object.end()) continue;
    if (!it->is_string() || it->get_ref<const std::string&>() != request.tenant().str()) {
      return fail(ErrorKind::forbidden,
                  std::string("/") + name + " differs from the tenant of the credential");
    }
  }
  return {};
}

std::string entity_tag(std::int64_t version) {
  std::string tag = "\"";
  return tag.append(std::to_string(version)).append("\"");
}

std::optional<std::vector<std::int64_t>> if_match(const http::Request& request) {
  std::optional<std::vector<std::int64_t>> versions;
  for (const auto& [name, value] : request.headers) {
    if (!http::equal_ignore_case(name, "if-match")) continue;
    if (trim(value) == "*") return std::nullopt;
    if (!versions) versions.emplace();
    for (const auto& tag : split(value, ',')) {
      const auto text = trim(tag);
      const auto version =
          text.size() > 2 ? parse_int(text.substr(1, text.size() - 2)) : std::nullopt;
      // Compared as text: "03" and a weak tag are none of ours and name no version.
      if (version && text == entity_tag(*version)) versions->push_back(*version);
    }
  }
  return versions;
}

http::Response unless_seen(const http::Request& request, std::int64_t version,
                           http::Response answer) {
  const std::string tag = entity_tag(version);
  for (const auto& [name, value] : request.headers) {
    if (!http::equal_ignore_case(name, "if-none-match")) continue;
    for (const auto& one : split(value, ',')) {
      auto text = trim(one);
      if (text.starts_with("W/")) text.remove_prefix(2);  // compared weakly: RFC 9110 §13.1.2
      if (text == "*" || text == tag) return http::Response{304, {}, {}, {}}.with("ETag", tag);
    }
  }
  return std::move(answer).with("ETag", tag);
}

http::Response change_problem(const Error& error, bool conditional) {
  const bool other_version =
      error.kind == ErrorKind::conflict &&
      std::ranges::find(error.fields, "/version", &FieldError::pointer) != error.fields.end();
  if (conditional && other_version) return http::Response::problem(412, error.message);
  return http::Response::problem(error);
}

StoredAnswer stored_answer(const http::Response& answer) {
  StoredAnswer stored{answer.status, answer.body, {}};
  for (const auto& field : answer.headers) {
    if (field.first != "Content-Type") stored.headers.push_back(field);  // it is always JSON
  }
  return stored;
}

Result<std::optional<std::string>> idempotency_key(const http::Request& request) {
  const auto header = request.header("Idempotency-Key");
  if (!header) return std::nullopt;
  std::string_view text = trim(*header);
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {  // a structured-field string
    text = text.substr(1, text.size() - 2);
  }
  if (text.empty() || text.size() > kMaxIdempotencyKeyBytes || !is_printable(text)) {
    return fail(ErrorKind::invalid, "Idempotency-Key must be 1 to " +
                                        std::to_string(kMaxIdempotencyKeyBytes) +
                                        " printable characters");
  }
  return std::string(text);
}

namespace {

http::Response replayed(StoredAnswer stored) {
  http::Response answer{stored.code, std::move(stored.headers), std::move(stored.body), {}};
  if (!answer.body.empty()) answer.headers.emplace_back("Content-Type", "application/json");
  answer.headers.emplace_back("Idempotent-Replayed", "true");
  return answer;
}

// Ends the claim, then answers: a client that repeats its request finds the key free.
void end_claim(IdempotencyStore& store, Keep keep, const KeyedWork& work,
               Result<http::Response> ended, const http::Responder& respond) {
  const bool uncertain = !ended && ended.error().kind == ErrorKind::uncertain;
  http::Response answer = ended ? std::move(*ended) : http::Response::problem(ended.error());
  const bool good = answer.status < 300;
  if (keep == Keep::store || !good) {
    // An earlier try that may have done it is not undone by this one's failure.
    const Effect effect = good || uncertain || work.again ? Effect::possible : Effect::none;
    return store.release(work.claim, effect, [respond, answer = std::move(answer)](Status) mutable {
      respond(std::move(answer));
    });
  }
  StoredAnswer kept = stored_answer(answer);
  store.finish(work.claim, std::move(kept),
               [respond, answer = std::move(answer)](Status status) mutable {
                 // The work is done and durable; only the memory of its answer is not, and an
                 // error would make the client do it again.
                 if (!status) {
                   log::warn("an answer was not kept under its idempotency key",
                             {{"cause", status.error().to_string()}});
                 }
                 respond(std::move(answer));
               });
}

}  // namespace

Ended answer_by(http::Responder respond) {
  return [respond = std::move(respond)](Result<http::Response> ended) {
    ended ? respond(std::move(*ended)) : respond(ended.error());
  };
}

void idempotent(IdempotencyStore& store, Keep keep, const http::Request& request,
                http::Responder respond,
                std::function<void(std::optional<KeyedWork>, Ended)> work) {
  auto given = idempotency_key(request);
  if (!given) return respond(given.error());
  if (!*given) return work(std::nullopt, answer_by(std::move(respond)));
  const IdempotencyKey key{request.tenant(), std::move(**given), fingerprint(request)};
  // A note is needed only where effect and answer are two commits.
  store.begin(key, kClaimLease, keep == Keep::answer,
              [&store, keep, key, respond, work = std::move(work)](Result<Claim> claim) {
                if (!claim) return respond(claim.error());
                if (claim->state == Claim::State::answered) {
                  return respond(replayed(std::move(claim->answer)));
                }
                KeyedWork keyed{
                    {key, claim->token}, claim->began, claim->state == Claim::State::interrupted};
                Ended ended = [&store, keep, keyed, respond](Result<http::Response> answer) {
                  end_claim(store, keep, keyed, std::move(answer), respond);
                };
                work(std::move(keyed), std::move(ended));
              });
}

}  // namespace mesh::services
