#include "common/http/server.h"

#include "common/base/strings.h"
#include "common/http/bind.h"
#include "common/http/core.h"
#include "common/http/loop.h"
#include "common/http/run_handler.h"
#include "common/telemetry/log.h"

namespace mesh::http {
namespace {

Result<std::unique_ptr<Listener>> make_listener(ListenerSpec spec, const ServerOptions& options,
                                                Metrics& metrics) {
  auto listener = std::make_unique<Listener>();
  listener->options = options;
  listener->label = join(spec.names, ",");
  listener->address = spec.address;
  listener->for_operators = spec.for_operators;
  listener->routes = std::move(spec.routes);
  for (const auto& route : listener->routes) {
    MESH_TRY(listener->router.add(route));
    listener->metrics.push_back(
        std::make_unique<RouteMetrics>(metrics, listener->label, route.method, route.pattern));
  }
  return listener;
}

}  // namespace

struct Server::Impl {
  Impl(ServerOptions options, Hooks hooks, Clock& clock, Metrics& m, Spans* s)
      : core(std::move(options), std::move(hooks), clock, m), metrics(m), spans(s) {}

  Status open(std::vector<ListenerSpec> specs);

  Core core;
  Metrics& metrics;
  Spans* const spans;
  std::mutex mutex;  // of start and stop; guards the next
  bool running = false;
};

Server::Server(ServerOptions options, Hooks hooks, Clock& clock, Metrics& metrics, Spans* spans)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(hooks), clock, metrics, spans)) {}

Server::~Server() { stop(Duration{0}); }

Status Server::Impl::open(std::vector<ListenerSpec> specs) {
  for (int i = 0; i < std::max(core.options.workers, 1); ++i) {
    core.loops.push_back(std::make_unique<Loop>(core));
    MESH_TRY(core.loops.back()->open());
  }
  for (auto& spec : specs) {
    auto* group = spec.for_operators ? &core.operators : &core.tenants;
    auto listener = MESH_TRY(make_listener(std::move(spec), core.options, metrics));
    listener->group = group;
    listener->quick = &core.quick;
    listener->slow = &core.slow;
    listener->clock = &core.clock;
    listener->spans = spans;
    core.listeners.push_back(std::move(listener));
  }
  for (auto& listener : core.listeners) {
    auto bound = MESH_TRY(bind_listener(listener->address));
    listener->address = bound.address;
    // One loop accepts for all: it can give each connection to the one with the fewest.
    MESH_TRY(core.loops.front()->listen(std::move(bound.fd), *listener));
  }
  return {};
}

Status Server::start(std::vector<ListenerSpec> listeners) {
  std::lock_guard lock(impl_->mutex);
  Core& core = impl_->core;
  // Sockets close with their loops, so that a second try can bind the same ports.
  if (auto opened = impl_->open(std::move(listeners)); !opened) {
    core.loops.clear();
    core.listeners.clear();
    return opened;
  }
  for (auto* pool : {&core.quick, &core.slow}) {
    pool->start(std::max(core.options.blocking_workers, 1),
                std::max(core.options.tenant_workers, 1), core.options.max_queued,
                [&core](const std::shared_ptr<Exchange>& exchange) {
                  const auto waited = core.clock.steady() - exchange->started;
                  run_handler(exchange, core.hooks, waited);
                });
  }
  // Each loop counts as one until it has drained: so long, connections may still come of it.
  core.open.store(static_cast<int>(core.loops.size()));
  for (auto& loop : core.loops) loop->start();
  impl_->running = true;
  for (const auto& listener : core.listeners) {
    log::info("listening", {{"address", (core.tls() ? "https://" : "") + listener->address},
                            {"roles", listener->label}});
  }
  return {};
}

std::size_t Server::buffered_bytes() const { return impl_->core.buffers->held(); }

std::vector<std::string> Server::addresses() const {
  std::vector<std::string> all;
  for (const auto& listener : impl_->core.listeners) all.push_back(listener->address);
  return all;
}

void Server::change_tls(std::shared_ptr<const TlsContext> tls) {
  if (impl_->core.tls() != nullptr) impl_->core.set_tls(std::move(tls));
}

void Server::announce_stop() { impl_->core.closing.store(true, std::memory_order_release); }

void Server::stop(Duration drain) {
  std::lock_guard only_one(impl_->mutex);
  if (!std::exchange(impl_->running, false)) return;
  Core& core = impl_->core;
  const auto wake = [&core] {
    for (auto& loop : core.loops) loop->inbox()->wake();
  };
  core.closing.store(true, std::memory_order_release);
  core.draining.store(true, std::memory_order_release);
  wake();
  {
    std::unique_lock lock(core.mutex);
    core.clock.wait_until(lock, core.emptied, core.clock.steady() + drain,
                          [&core] { return core.open.load() == 0; });
  }
  core.stopping.store(true, std::memory_order_release);
  wake();
  for (auto& loop : core.loops) loop->join();
  // Last, since the loops give them work until they end.
  core.quick.stop();
  core.slow.stop();
}

}  // namespace mesh::http
