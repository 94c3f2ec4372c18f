#include "daemon/console/sessions.h"

#include "common/base/ids.h"
#include "common/base/json.h"
#include "common/base/strings.h"
#include "common/http/syntax.h"

namespace mesh::console {
namespace {

// With the form of what is sealed: one of another version of meshd is none.
constexpr std::string_view kSessionBound = "session 2", kCodeBound = "code 2";

std::int64_t millis_of(Timestamp time) {
  return std::chrono::duration_cast<Duration>(time.time_since_epoch()).count();
}

Json sealed_members(const std::string& user, const Restrictions& restrictions, Timestamp until) {
  return {{"user", user},
          {"read_only", restrictions.read_only},
          {"hides_payloads", restrictions.hides_payloads},
          {"until", millis_of(until)}};
}

// Of texts that were sealed here, which are whole.
std::optional<Session> read_sealed(const Seal& seal, std::string_view text, std::string_view bound,
                                   Timestamp now) {
  const auto opened = seal.open(text, bound);
  if (!opened) return std::nullopt;
  const Json members = Json::parse(*opened);
  const Session session{members.at("user"),
                        {members.at("read_only"), members.at("hides_payloads")},
                        Timestamp(Duration(members.at("until").get<std::int64_t>()))};
  return session.until > now ? std::optional(session) : std::nullopt;
}

std::string cookie_name(const http::Request& request) {
  std::string name = "mesh_console";
  const auto host = request.header("Host").value_or("");
  const auto colon = host.rfind(':');
  // The colons of an IPv6 address stand in brackets.
  if (colon == std::string_view::npos || host.find(']', colon) != std::string_view::npos) {
    return name;
  }
  const auto port = parse_int(host.substr(colon + 1));
  if (port && *port > 0 && *port <= 65'535) name += "_" + std::to_string(*port);
  return name;
}

// RFC 6265, 5.4; a client of HTTP/2, behind a proxy, may divide the field.
std::optional<std::string_view> cookie_of(const http::Request& request, std::string_view name) {
  for (const auto& [field, value] : request.headers) {
    if (!http::equal_ignore_case(field, "cookie")) continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const auto pair = trim(rest.substr(0, rest.find(';')));
      rest.remove_prefix(std::min(rest.size(), rest.find(';')));
      if (!rest.empty()) rest.remove_prefix(1);
      const auto equals = pair.find('=');
      if (equals != std::string_view::npos && pair.substr(0, equals) == name) {
        return pair.substr(equals + 1);
      }
    }
  }
  return std::nullopt;
}

std::string set_cookie(const http::Request& request, std::string_view value,
                       std::chrono::seconds age, bool tls) {
  return cookie_name(request) + "=" + std::string(value) +
         "; Path=/; HttpOnly; SameSite=Strict; Max-Age=" + std::to_string(age.count()) +
         (tls ? "; Secure" : "");
}

}  // namespace

Sessions::Sessions(const config::Console& config, Clock& clock) : config_(config), clock_(clock) {}

void Sessions::change_key(std::string_view key) {
  auto seal = std::make_shared<const Seal>(key);
  std::lock_guard lock(mutex_);
  seal_ = std::move(seal);
}

std::shared_ptr<const Seal> Sessions::seal() const {
  std::lock_guard lock(mutex_);
  return seal_;
}

Restrictions Sessions::with_configured(const Restrictions& own) const {
  return {own.read_only || config_.read_only, own.hides_payloads || config_.hide_payloads};
}

Session Sessions::begin(const Opening& wanted) const {
  return {wanted.user, with_configured(wanted.restrictions), clock_.now() + config_.session};
}

std::string Sessions::cookie(const http::Request& request, const Session& session, bool tls) const {
  const auto sealed = seal()->close(
      dump(sealed_members(session.user, session.restrictions, session.until)), kSessionBound);
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(session.until - clock_.now());
  return set_cookie(request, sealed, age, tls);
}

std::string Sessions::end_cookie(const http::Request& request, bool tls) {
  return set_cookie(request, "", std::chrono::seconds(0), tls);
}

std::optional<Session> Sessions::of(const http::Request& request) const {
  if (!config_.enabled) return std::nullopt;
  const auto value = cookie_of(request, cookie_name(request));
  const auto key = seal();
  if (!value || !key) return std::nullopt;
  auto session = read_sealed(*key, *value, kSessionBound, clock_.now());
  // It may have begun before the configuration restricted all.
  if (session) session->restrictions = with_configured(session->restrictions);
  return session;
}

std::string Sessions::make_code(const Opening& opening) const {
  Json members = sealed_members(opening.user, opening.restrictions, clock_.now() + kCodeLifetime);
  members["nonce"] = random_hex(16);
  return seal()->close(dump(members), kCodeBound);
}

std::optional<Opening> Sessions::read_code(std::string_view code) const {
  auto read = read_sealed(*seal(), code, kCodeBound, clock_.now());
  if (!read) return std::nullopt;
  return Opening{std::move(read->user), read->restrictions};
}

Status check_session(const Session& session, const http::Request& request,
                     const http::Route& route) {
  if (request.method != "GET" && request.method != "HEAD" && !request.header(kConsoleHeader)) {
    return fail(ErrorKind::forbidden,
                std::string("a session of the console asks with the header ") + kConsoleHeader +
                    "; for another client take the operator's token");
  }
  if (session.restrictions.read_only && http::changes_something(route)) {
    return fail(ErrorKind::forbidden,
                "this session of the console is read-only; sign in again without that to change "
                "something");
  }
  if (session.restrictions.hides_payloads && route.payloads == http::Payloads::shown) {
    return fail(ErrorKind::forbidden,
                "this session of the console hides what events and users hold; sign in again "
                "without that to see it");
  }
  return {};
}

}  // namespace mesh::console
