#include "common/engines/redis/examine.h"

#include "common/base/strings.h"

namespace mesh::redis {
namespace {

constexpr OldestVersion kOldest{5, 0};
constexpr const char* kAllow = "let the user of redis.url run ";

// Of a section of INFO: "name:value\r\n" lines.
std::string value_of(const std::string& info, const std::string& name) {
  for (const auto& line : split(info, '\n')) {
    if (line.starts_with(name + ":")) return std::string(trim(line.substr(name.size() + 1)));
  }
  return {};
}

ServerFinding version(const Ask& ask) {
  const auto info = ask({"INFO", "server"});
  if (!info) return unseen("version", info.error(), std::string(kAllow) + "INFO, to see it");
  return version_finding(value_of(info->text(), "redis_version"), kOldest);
}

ServerFinding permissions(const Ask& ask, const std::string& prefix) {
  const auto set = ask({"SET", prefix + "examined", "1", "PX", "1"});
  if (set) return {"permissions", true, "limits can be written", ""};
  return unseen("permissions", set.error(),
                "the user needs SCRIPT, EVAL, EVALSHA, TIME, GET, SET, PEXPIREAT and DEL of keys " +
                    prefix + "*, on a server that may write and has room");
}

ServerFinding settings(const Ask& ask) {
  const auto info = ask({"INFO", "memory"});
  if (!info) return unseen("settings", info.error(), std::string(kAllow) + "INFO, to see them");
  const std::string policy = value_of(info->text(), "maxmemory_policy");
  const auto most = parse_int(value_of(info->text(), "maxmemory"));
  if (!most || *most == 0 || policy == "noeviction" || policy == "volatile-ttl") {
    return {"settings", true, "it drops no limit for want of memory", ""};
  }
  return {"settings", false,
          "maxmemory-policy is " + policy + ": a limit that is dropped begins anew, as a full one",
          "give the limits a server of their own, with maxmemory-policy volatile-ttl"};
}

std::vector<ServerFinding> clock_of(const Ask& ask, Clock& clock) {
  const Timestamp asked = clock.now();
  const auto time = ask({"TIME"});
  const Timestamp answered = clock.now();
  if (!time || time->texts.size() != 2) return {};  // its permission is a finding already
  const auto seconds = parse_int(time->texts[0]), micros = parse_int(time->texts[1]);
  if (!seconds || !micros) return {};
  return {clock_finding(Timestamp(std::chrono::seconds(*seconds) + Duration(*micros / 1000)),
                        Duration{1}, asked, answered)};
}

}  // namespace

std::vector<ServerFinding> examine(const Ask& ask, const std::string& prefix, Clock& clock) {
  std::vector<ServerFinding> all{version(ask), permissions(ask, prefix), settings(ask)};
  for (auto& finding : clock_of(ask, clock)) all.push_back(std::move(finding));
  return all;
}

}  // namespace mesh::redis
