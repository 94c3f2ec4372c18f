#include "cli/bench/target.h"

#include "common/base/strings.h"

namespace mesh::cli {

Result<BenchTarget> bench_target(const std::string& url) {
  const std::string scheme = to_lower(url.substr(0, url.find("://")));
  const auto refuse = [&](const char* why) {
    return fail(ErrorKind::invalid, "\"" + url + "\" is no address of a load: " + why);
  };
  BenchTarget target;
  target.tls = scheme == "https";
  if (scheme != "http" && !target.tls) return refuse("it must begin with http:// or https://");
  const std::string rest = url.substr(scheme.size() + 3);
  target.host = rest.substr(0, rest.find_first_of("/?#"));
  target.prefix = rest.substr(target.host.size());
  while (target.prefix.ends_with('/')) target.prefix.pop_back();
  if (target.prefix.find_first_of("?# \t\r\n") != std::string::npos)
    return refuse("a path has neither query nor spaces");
  // A credential in it would go to the log of whoever stands between.
  if (target.host.find('@') != std::string::npos) return refuse("credentials belong to --token");
  if (target.host.empty() || !is_printable(target.host) ||
      target.host.find_first_of(" \t") != std::string::npos) {
    return refuse("it names no host");
  }
  const auto colon = target.host.rfind(':');
  const bool port = colon != std::string::npos && target.host.find(']', colon) == std::string::npos;
  target.address = port ? target.host : target.host + (target.tls ? ":443" : ":80");
  return target;
}

}  // namespace mesh::cli
