// What the services share: reading parameters, paging, idempotency, answers that come later.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/json_members.h"
#include "common/domain/event.h"
#include "common/http/message.h"
#include "common/ports/idempotency_store.h"

namespace mesh::services {

// Who asks, and in which request, as extensions of an event: see accepted.
Headers acceptance(const http::Request& request);

// What a number in a query may be, and what it is where the query has none.
struct IntRange {
  std::int64_t low, high, fallback;
};
struct NumberRange {
  double low, high, fallback;
};
// How long a request may ask to wait: below the server's answer_timeout.
inline constexpr IntRange kWaitSeconds{0, 25, 0};
// `invalid` names the parameter, the value and the range.
Result<std::int64_t> int_param(const http::Request& request, std::string_view name,
                               const IntRange& range);
Result<double> number_param(const http::Request& request, std::string_view name,
                            const NumberRange& range);
// An instant, or so long ago; nothing where it is missing or empty. `invalid` for what is neither.
Result<std::optional<Timestamp>> time_param(const http::Request& request, std::string_view name,
                                            Timestamp now);
// A text parameter; empty where it is missing.
std::string text_param(const http::Request& request, std::string_view name);

// The request's body as a JSON object; `invalid` otherwise. An empty body is an empty object.
Result<Json> object_body(const http::Request& request);
// Of routes that take no members: a body that has some asks for what would not be done.
Status no_members(const http::Request& request);

// Opaque cursors: base64url of `kind` and a value. A cursor of another kind is `invalid`.
std::string make_cursor(std::string_view kind, std::string_view value);
Result<std::string> read_cursor(std::string_view kind, std::string_view cursor);

// What the admin API shows of a record, a dead letter with its event, a trace or a task to who is
// shown no payloads (Principal::hides_payloads): data, own headers, and the texts of causes, which
// quote data, are left out, and `payload_hidden` says so.
Json without_payload(Json item);
bool hides_payloads(const http::Request& request);

// {"items":[…],"next":cursor|null}
http::Response page(Json items, std::optional<std::string> next = {});

// A body that names a tenant must name the credential's: `forbidden` otherwise.
Status same_tenant(const http::Request& request, const Json& object);

// A handler of work that answers at once.
template <typename Deps, typename Work>
http::Handler answering(std::shared_ptr<const Deps> deps, Work work) {
  return [deps = std::move(deps), work = std::move(work)](auto request, auto respond) {
    Result<http::Response> answer = work(*deps, *request);
    answer ? respond(std::move(*answer)) : respond(answer.error());
  };
}

// The strong entity tag of a record's version, as `"3"`.
std::string entity_tag(std::int64_t version);
// The versions that If-Match names; nothing where it is missing or `*`. A weak tag and one that is
// none of ours name no version.
std::optional<std::vector<std::int64_t>> if_match(const http::Request& request);
// The answer to a GET of a record at `version`: 304 where If-None-Match names it, else `answer`
// with its ETag.
http::Response unless_seen(const http::Request& request, std::int64_t version,
                           http::Response answer);

// The problem of a change that was not made. Of a `conditional` one, with If-Match, it is 412 where
// the record is at another version, which stores call a `conflict` at /version.
http::Response change_problem(const Error& error, bool conditional);

// What is stored of an answer under an Idempotency-Key.
StoredAnswer stored_answer(const http::Response& answer);
inline constexpr std::size_t kMaxIdempotencyKeyBytes = 255;
// The text of the Idempotency-Key header; nothing where there is none; `invalid` for a bad one.
Result<std::optional<std::string>> idempotency_key(const http::Request& request);

// How long a request holds its key before its repetition takes the work over, since whoever did it
// must be gone: as long as a server waits for an answer by default.
inline constexpr Duration kClaimLease{60'000};

// Work under an Idempotency-Key.
struct KeyedWork {
  ClaimedKey claim;
  Timestamp began{};   // its first try
  bool again = false;  // a try before may have done it, and its answer is not known
};
// How work ends: its answer, or the error. Of `uncertain` it may be done all the same. Once.
using Ended = std::function<void(Result<http::Response>)>;
// Of work that ends with its answer.
Ended answer_by(http::Responder respond);

// Runs `work` once per Idempotency-Key of the tenant, or each time where the request has none;
// maybe on a thread of the store's, so that it must not block. With Keep::store the work keeps its
// answer itself, in the transaction of its effect. With Keep::answer a 2xx answer is stored before
// it is sent; where the process ends in between, or where it is not certain that nothing was done,
// the next try of the request is told (`again`). Other answers are not kept: the same key may be
// tried again.
enum class Keep { answer, store };
void idempotent(IdempotencyStore& store, Keep keep, const http::Request& request,
                http::Responder respond, std::function<void(std::optional<KeyedWork>, Ended)> work);

}  // namespace mesh::services
