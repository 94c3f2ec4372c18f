#include "cli/bench/run.h"

#include <stdexcept>

#include "cli/interrupt.h"

namespace mesh::cli {

namespace {

load::TlsOptions tls_of(const BenchTarget& target, const client::Options& options) {
  std::string host = target.address.substr(0, target.address.rfind(':'));
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  const auto& tls = options.tls;
  return {host,         tls.ca_file,    tls.ca_setting, tls.cert_file,
          tls.key_file, tls.pinned_key, tls.skip_verify};
}

}  // namespace

Result<load::Outcome> run_load(load::Plan plan, const BenchTarget& target,
                               const client::Options& options) {
  plan.address = target.address;
  if (target.tls) plan.tls = tls_of(target, options);
  std::stop_source stop;
  plan.stop = stop.get_token();
  plan.on_tick = [&stop, then = std::move(plan.on_tick)](const load::Outcome& so_far,
                                                         load::Seconds elapsed) {
    if (InterruptGuard::interrupted()) stop.request_stop();
    if (then) then(so_far, elapsed);
  };
  try {
    return load::run(plan);
  } catch (const std::runtime_error& error) {
    return fail(ErrorKind::unavailable, error.what());
  }
}

}  // namespace mesh::cli
