#include "cli/bench/run.h"

#include <stdexcept>

#include "cli/interrupt.h"

namespace mesh::cli {

Result<load::Outcome> run_load(load::Plan plan) {
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
