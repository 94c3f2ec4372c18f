#include "cli/bench/target.h"

#include "common/base/strings.h"

namespace mesh::cli {

Result<BenchTarget> bench_target(const std::string& url) {
  constexpr std::string_view kHttp = "http://";
  const std::string scheme = to_lower(url.substr(0, url.find("://")));
  if (scheme == "https") {
    return fail(ErrorKind::unsupported,
                "mesh bench speaks plain HTTP, and " + url +
                    " is HTTPS: name a listener without TLS by --server or a context, for example "
                    "through `kubectl port-forward`");
  }
  const auto refuse = [&](const char* why) {
    return fail(ErrorKind::invalid, "\"" + url + "\" is no address of a load: " + why);
  };
  if (scheme != "http") return refuse("it must begin with http://");
  const std::string rest = url.substr(kHttp.size());
  BenchTarget target;
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
  target.address = port ? target.host : target.host + ":80";
  return target;
}

}  // namespace mesh::cli
