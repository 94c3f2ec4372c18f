#include "daemon/services/write_wait.h"

#include <algorithm>

#include "common/base/strings.h"
#include "common/base/time.h"
#include "common/http/syntax.h"
#include "daemon/pipeline/groups.h"
#include "daemon/services/api_parts.h"
#include "daemon/services/common.h"

namespace mesh::services {
namespace {

using pipeline::AwaitedWrite;
using pipeline::Reached;

constexpr Duration kDefaultWait{10'000};
constexpr const char* kPreferenceApplied = "Preference-Applied";
// The position of what wrote nothing: nobody learns from it, so it is not sealed.
constexpr std::string_view kNothing = "~";

// The parts of a list header, and of each of its members; what is in quotes is not looked into.
std::vector<std::string_view> split_unquoted(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  std::size_t begin = 0;
  bool quoted = false;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '\\' && quoted) {
      ++i;
    } else if (i < text.size() && text[i] == '"') {
      quoted = !quoted;
    } else if (i >= text.size() || (text[i] == at && !quoted)) {
      parts.push_back(trim(text.substr(begin, std::min(i, text.size()) - begin)));
      begin = i + 1;
    }
  }
  return parts;
}

std::optional<std::int64_t> seconds_of(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    text = text.substr(1, text.size() - 2);
  }
  // RFC 7240 has no sign here, which parse_int would take.
  const bool digits =
      !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  return digits ? parse_int(text) : std::nullopt;
}

const char* text_of(Reached reached) { return reached == Reached::stored ? "stored" : "log"; }

// The answer of a write whose effect was not seen in time: its usual one and what is pending.
http::Response pending(http::Response answer, const std::string& ack, Reached reached,
                       std::string_view position) {
  // Put into the text of the object: parsing a large body to add one member would cost more.
  const bool empty = answer.body.empty();
  std::string body = empty ? "{" : answer.body.substr(0, answer.body.size() - 1) + ",";
  body += R"("pending":{"ack":)";
  append_quoted(body, ack);
  body += R"(,"reached":)";
  append_quoted(body, text_of(reached));
  body += R"(,"position":)";
  append_quoted(body, position);
  body += "}}";
  answer.status = 202;
  answer.body = std::move(body);
  if (empty) answer.headers.emplace_back("Content-Type", "application/json");
  return answer;
}

}  // namespace

http::Response with_position(http::Response answer, const WritePosition& position) {
  return std::move(answer).with(kPositionHeader, format_write_position(position));
}

Acks acks_of_topic(std::string_view topic) {
  const auto* reads = pipeline::group_of(topic);
  return reads == nullptr ? Acks{} : Acks{reads->done};
}

std::optional<std::int64_t> preferred_wait(const http::Request& request) {
  for (const auto& [name, value] : request.headers) {
    if (!http::equal_ignore_case(name, "prefer")) continue;
    for (const auto preference : split_unquoted(value, ',')) {
      const auto word = split_unquoted(preference, ';').front();
      const auto equals = word.find('=');
      if (equals == word.npos || to_lower(trim(word.substr(0, equals))) != "wait") continue;
      if (const auto seconds = seconds_of(trim(word.substr(equals + 1)))) return seconds;
    }
  }
  return std::nullopt;
}

WriteWaits::WriteWaits(pipeline::Progress& progress, LongPolls& polls, Clock& clock, Duration most,
                       std::string_view key)
    : progress_(progress),
      polls_(polls),
      clock_(clock),
      most_(most),
      seal_(std::make_shared<const Seal>(key)) {}

void WriteWaits::change_key(std::string_view key) {
  auto seal = std::make_shared<const Seal>(key);
  std::lock_guard lock(mutex_);
  seal_before_ = std::exchange(seal_, std::move(seal));
}

std::string WriteWaits::sealed(const std::string& position, const TenantId& tenant) const {
  if (position == kNothing) return position;
  // Sealing happens outside the lock, which every answer to a write of a tenant would wait for.
  std::shared_ptr<const Seal> seal;
  {
    std::lock_guard lock(mutex_);
    seal = seal_;
  }
  return seal->close(position, tenant.str());
}

Result<WritePosition> WriteWaits::opened(std::string_view text, const TenantId& tenant) const {
  if (text == kNothing) return WritePosition{};
  std::shared_ptr<const Seal> seal, before;
  {
    std::lock_guard lock(mutex_);
    seal = seal_;
    before = seal_before_;
  }
  auto position = seal->open(text, tenant.str());
  if (!position && before) position = before->open(text, tenant.str());
  if (position) return parse_write_position(*position);
  return fail(ErrorKind::invalid, "\"" + std::string(text.substr(0, 100)) +
                                      "\" is no position of a write of tenant " + tenant.str());
}

Duration WriteWaits::wait_of(const http::Request& request) const {
  const auto seconds = preferred_wait(request);
  if (!seconds) return std::min(kDefaultWait, most_);
  // Bounded as seconds: what a client may send would overflow as milliseconds.
  return std::min(Duration{std::chrono::seconds{std::min<std::int64_t>(*seconds, 86'400)}}, most_);
}

Result<std::optional<WriteWaits::Wish>> WriteWaits::wish_of(const http::Request& request,
                                                            const Acks& acks) const {
  const auto ack = request.param("ack");
  const bool prefers = preferred_wait(request).has_value();
  if (!ack && !prefers) return std::nullopt;
  const bool knows = !ack || *ack == "log" || (*ack == acks.most && acks.all);
  if (!knows) {
    std::string detail = "query parameter ack: \"" + std::string(*ack) + "\" is not ";
    if (acks.most == "log") {
      detail += "log, which is all that events of these types become";
    } else if (!acks.all) {
      detail += "log; only some of these events are " + std::string(acks.most);
    } else {
      detail += "log or " + std::string(acks.most);
    }
    return fail(ErrorKind::invalid, std::move(detail));
  }
  const Duration wait = wait_of(request);
  std::string wanted(ack ? *ack : acks.most);
  const Reached reached = wanted == "log" ? Reached::log : Reached::processed;
  std::optional<std::int64_t> applied;
  if (prefers) applied = std::chrono::floor<std::chrono::seconds>(wait).count();
  return Wish{std::move(wanted), reached, clock_.steady() + wait, applied};
}

Result<http::Responder> WriteWaits::hold(const http::Request& request, const Acks& acks,
                                         http::Responder respond) {
  auto wish = MESH_TRY(wish_of(request, acks));
  return http::Responder([this, wish = std::move(wish), tenant = request.principal->tenant,
                          respond = std::move(respond)](http::Response given) {
    // What was not written has no effect to wait for.
    if (given.status >= 300) return respond(std::move(given));
    answer(wish, tenant, std::move(given), respond);
  });
}

void WriteWaits::answer(const std::optional<Wish>& wish, const std::optional<TenantId>& tenant,
                        http::Response given, const http::Responder& respond) {
  const auto header = std::ranges::find(given.headers, kPositionHeader,
                                        [](const auto& field) { return field.first; });
  const bool placed = header != given.headers.end();
  // Read before the header is sealed over: the wait below needs it plain.
  auto position = wish && placed ? parse_write_position(header->second)
                                 : Result<WritePosition>(fail(ErrorKind::not_found, "no position"));
  if (placed && tenant) header->second = sealed(header->second, *tenant);
  if (!wish) return respond(std::move(given));
  if (wish->applied) {
    given.headers.emplace_back(kPreferenceApplied, "wait=" + std::to_string(*wish->applied));
  }
  if (position) return hold_back(*wish, tenant, std::move(*position), std::move(given), respond);
  // An answer that an earlier version stored under the request's key.
  const auto least = wish->ack == pipeline::kUserIndex.done ? Reached::stored : Reached::log;
  respond(pending(std::move(given), wish->ack, least, kNothing));
}

void WriteWaits::hold_back(const Wish& wish, const std::optional<TenantId>& tenant,
                           WritePosition position, http::Response given,
                           const http::Responder& respond) {
  std::string text = std::ranges::find(given.headers, kPositionHeader, [](const auto& field) {
                       return field.first;
                     })->second;
  const auto write = std::make_shared<AwaitedWrite>(tenant, std::move(position), wish.wanted);
  const auto kept = std::make_shared<http::Response>(std::move(given));
  polls_.answer(
      {.look = [write, kept, ack = wish.ack,
                text = std::move(text)](bool last) -> std::optional<http::Response> {
         if (write->done()) return std::move(*kept);
         if (!last) return std::nullopt;
         return pending(std::move(*kept), ack, write->reached(), text);
       },
       .watch = [this, write](Told told) { return progress_.watch(write, std::move(told)); },
       // The write is durable: where too many wait it must not be answered as if it had failed.
       .done = true},
      std::chrono::ceil<Duration>(wish.until - clock_.steady()), respond);
}

void WriteWaits::when_seen(const http::Request& request, const http::Responder& respond,
                           std::function<void()> search) {
  const auto text = request.param("min_position");
  if (!text) return search();
  const auto refuse = [&](const std::string& why) {
    respond(Error{ErrorKind::invalid,
                  "query parameter min_position: " + why + "; take it from the " + kPositionHeader +
                      " of an answer to a change of users",
                  {},
                  {},
                  {}});
  };
  auto position = opened(*text, request.tenant());
  if (!position) return refuse(position.error().message);
  // The index reads one topic: for a place in another one the wait would prove nothing.
  for (const auto& [partition, offset] : position->log) {
    if (partition.topic != pipeline::kUserIndex.topic) {
      return refuse("no search reads " + partition.topic.substr(0, 100));
    }
  }
  const auto write =
      std::make_shared<AwaitedWrite>(request.tenant(), std::move(*position), Reached::processed);
  if (auto looked = progress_.look(*write); !looked) {
    if (looked.error().kind == ErrorKind::not_found) return refuse(looked.error().message);
    return respond(looked.error());
  }
  if (write->done()) return search();
  const Duration wait = wait_of(request);
  const Error late{ErrorKind::unavailable,
                   "the search index has not reached min_position within " + format_duration(wait) +
                       "; try again",
                   {},
                   {},
                   Duration{1'000}};
  // The thread of the polls has no time for a search.
  const http::Responder resume(
      [write, respond, search = std::move(search)](http::Response answer) {
        if (!write->done()) return respond(std::move(answer));
        if (!respond.on_worker(search)) {
          respond(Error{ErrorKind::unavailable,
                        "too many requests wait already; try again later",
                        {},
                        {},
                        Duration{1'000}});
        }
      },
      [respond](std::function<void()> gone) { respond.when_gone(std::move(gone)); });
  polls_.answer({[write, late](bool last) -> std::optional<http::Response> {
                   // One answer for both ends, since `resume` looks at the write itself.
                   if (write->done() || last) return http::Response::problem(late);
                   return std::nullopt;
                 },
                 [this, write](Told told) { return progress_.watch(write, std::move(told)); }},
                wait, resume);
}

namespace api {

http::Parameter prefer_wait() {
  return {"Prefer",
          "header",
          "`wait=<seconds>` (RFC 7240): hold the answer back for at most so long, and for at most "
          "`http.max_wait`. Anything else is ignored.",
          {{"type", "string"}, {"examples", Json::array({"wait=10"})}}};
}

http::Parameter min_position() {
  return query("min_position",
               "The `Mesh-Position` of a change of users: wait until the search sees it, as long "
               "as `Prefer: wait` says or 10 s, then 503.",
               {{"type", "string"}, {"minLength", 1}, {"examples", Json::array({"~"})}});
}

http::Route held(http::Route route, const std::vector<std::string>& mosts,
                 std::string_view pending) {
  std::vector<std::string> acks{"log"};
  acks.insert(acks.end(), mosts.begin(), mosts.end());
  route.parameters.push_back(
      query("ack",
            "What must be so before the answer. It is held back for as long as `Prefer: wait` "
            "says, or 10 s; with `Prefer` alone for the most that these events become.",
            one_of(acks)));
  route.parameters.push_back(prefer_wait());
  if (!pending.empty()) {
    route.answers.push_back(gives(pending,
                                  "It is done and durable; what the request waits for was not seen "
                                  "in time.",
                                  202));
  }
  for (auto& answer : route.answers) {
    answer.headers.push_back(header(kPositionHeader,
                                    "Where the events are: the `min_position` of a search that "
                                    "is to see them.",
                                    {{"type", "string"}, {"examples", Json::array({"~"})}}));
    answer.headers.push_back({kPreferenceApplied,
                              "header",
                              "`wait=<seconds>`: how long the answer could be held back.",
                              {{"type", "string"}}});
  }
  return route;
}

}  // namespace api

}  // namespace mesh::services
