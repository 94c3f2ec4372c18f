#include "daemon/reload.h"

#include <algorithm>
#include <string_view>

#include "common/config/keys.h"

namespace mesh {
namespace {

using config::Config;

bool both_have_tls(const Config& running, const Config& fresh) {
  return running.http.tls.cert_file && fresh.http.tls.cert_file;
}

bool same_mode(const Config& running, const Config& fresh) {
  return running.auth.mode == fresh.auth.mode;
}

bool always(const Config&, const Config&) { return true; }

struct Reloaded {
  std::string_view keys;  // one, or with a dot at the end those of a group
  bool (*applies)(const Config& running, const Config& fresh);
};
// App::reload gives what these are for to those that use it.
constexpr Reloaded kReloaded[] = {
    {"http.tls.", both_have_tls}, {"auth.operator_token_file", same_mode},
    {"auth.jwt.", same_mode},     {"auth.client_certificate.", same_mode},
    {"rate_limits.", always},     {"telemetry.log.level", always}};
// Of those groups: the thread that fetches keys has the address for its life.
constexpr std::string_view kFixed[] = {"auth.jwt.jwks_url", "auth.jwt.ca_file"};

bool is_taken_over(const std::string& key, const Config& running, const Config& fresh) {
  if (std::ranges::find(kFixed, key) != std::end(kFixed)) return false;
  return std::ranges::any_of(kReloaded, [&](const Reloaded& reloaded) {
    const bool named =
        reloaded.keys.ends_with('.') ? key.starts_with(reloaded.keys) : key == reloaded.keys;
    return named && reloaded.applies(running, fresh);
  });
}

}  // namespace

void take_over(Config& running, const Config& fresh) {
  decltype(running.origins) origins;
  for (const auto& key : config::keys()) {
    if (is_taken_over(key.path, running, fresh)) key.copy(running, fresh);
    const auto& from = key.same(running, fresh) ? fresh.origins : running.origins;
    const auto origin = from.find(key.path);
    if (origin != from.end()) origins.insert(*origin);
  }
  running.origins = std::move(origins);
}

Json settings(const Config& running, const Config& last_read) {
  Json all = config::settings(running);
  const Json next = config::settings(last_read);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto& key = config::keys()[i];
    all[i]["reload"] = is_taken_over(key.path, running, last_read);
    all[i]["pending"] = nullptr;
    if (key.same(running, last_read)) continue;
    all[i]["pending"] = {{"value", next[i]["value"]}, {"where", next[i]["where"]}};
  }
  return all;
}

}  // namespace mesh
