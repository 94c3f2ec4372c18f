#include "common/config/redis_url.h"

#include "common/base/strings.h"
#include "common/config/address.h"

namespace mesh::config {
namespace {

constexpr std::string_view kScheme = "redis://";
constexpr std::string_view kTlsScheme = "rediss://";
constexpr const char* kForm =
    "write redis://[user:password@]host[:port][/database], or rediss:// for TLS";

Status read_credentials(std::string_view text, RedisUrl& into) {
  const auto colon = text.find(':');
  const auto user = percent_decode(text.substr(0, colon));
  const auto password =
      percent_decode(colon == text.npos ? std::string_view() : text.substr(colon + 1));
  if (!user || !password) {
    return fail(ErrorKind::invalid,
                "has a user or a password that is not percent-encoded UTF-8; write % as %25");
  }
  into.user = *user;
  into.password = Secret(*password);
  return {};
}

Status read_address(std::string_view text, RedisUrl& into) {
  // A colon behind the brackets of an IPv6 address, or the only one.
  const auto colon = text.rfind(':');
  const bool has_port = colon != text.npos && text.find(']', colon) == text.npos;
  const auto address = parse_address(
      has_port ? std::string(text) : std::string(text) + ":" + std::to_string(into.port));
  if (!address || address->port == 0) {
    return fail(ErrorKind::invalid, std::string("has no valid host and port; ") + kForm);
  }
  into.host = address->host;
  into.port = address->port;
  return {};
}

}  // namespace

Result<RedisUrl> parse_redis_url(std::string_view url) {
  RedisUrl parsed;
  parsed.tls = url.starts_with(kTlsScheme);
  if (!parsed.tls && !url.starts_with(kScheme)) return fail(ErrorKind::invalid, kForm);
  url.remove_prefix((parsed.tls ? kTlsScheme : kScheme).size());
  if (url.find_first_of("?#") != url.npos) {
    return fail(ErrorKind::invalid,
                std::string("takes no parameters; ") + kForm +
                    "; in a user or a password write / as %2F, ? as %3F, # as %23");
  }
  const auto slash = url.find('/');
  auto place = url.substr(0, slash);
  // The last one: a password may hold an "@".
  if (const auto at = place.rfind('@'); at != place.npos) {
    MESH_TRY(read_credentials(place.substr(0, at), parsed));
    place.remove_prefix(at + 1);
  }
  MESH_TRY(read_address(place, parsed));
  if (slash == url.npos || slash + 1 == url.size()) return parsed;
  const auto digits = url.substr(slash + 1);
  const auto database = parse_int(digits);
  if (!database || digits.find_first_not_of("0123456789") != digits.npos || *database > 1'000'000) {
    return fail(ErrorKind::invalid, std::string("has no number as its database; ") + kForm);
  }
  parsed.database = static_cast<int>(*database);
  return parsed;
}

}  // namespace mesh::config
