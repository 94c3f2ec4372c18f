#include "common/config/keys.h"

#include <array>

#include "common/config/kinds.h"

namespace mesh::config {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint64_t kKiB = 1ull << 10;
constexpr std::uint64_t kMiB = 1ull << 20;
constexpr std::uint64_t kGiB = 1ull << 30;
constexpr Duration kMillisecond{1};
constexpr Duration kDay = hours{24};
constexpr const char* kRateExample = "{rate: 100, per: 1s, burst: 200}";

constexpr auto kGroups = std::to_array<Group>({
    {"listen",
     "Where each role listens: host:port. Port 0 takes a free one; equal addresses share one\n"
     "listener; an IPv6 host stands in brackets. Only the listeners of `roles` are opened."},
    {"http", "Bounds of every listener."},
    {"http.tls", "TLS on every listener, where cert_file is set. SIGHUP reads the files again."},
    {"http.cors", "Pages of other origins that may ask from a browser (CORS)."},
    {"auth", "Who may call."},
    {"auth.jwt",
     "Only in mode jwt; issuer, audience and at least one source of keys are then required."},
    {"auth.client_certificate",
     "Who the holder of a client certificate is, by the one URI of its subjectAltName, or where "
     "the\n"
     "rule begins with CN= by the one CN of its subject."},
    {"log", "The event log."},
    {"log.retention", "What is deleted, and when. Topics of entities are compacted instead."},
    {"log.retention.activity",
     "Activity topics lose their oldest events by age or size, what comes first, but none that a\n"
     "group of the topic has not processed, and no dead letter that nobody has settled."},
    {"log.compaction",
     "Topics of entities (users, tenants) keep the last event of each entity; earlier ones go."},
    {"store", "Users, tenants, projections, tasks and the outbox."},
    {"vectors", "The search index."},
    {"limiter", "Where rate limits are counted."},
    {"cache", "Answers to reads, which processes share for a short while."},
    {"embedder", "What makes vectors of texts."},
    {"extractor", "What derives properties of molecules."},
    {"extractor.price", "What the model's server takes for tokens."},
    {"pipelines", "The consumers that index, project and enrich events."},
    {"tasks", "Long work that operators start: replays, rebuilds, redrives and the like."},
    {"pipelines.retry", "Retries of a failed event: random delays up to base * 2^n, at most cap."},
    {"tenants", "Who may be a tenant, and how what is kept of one can be erased."},
    {"console", "The web console, on the admin listener: /console."},
    {"rate_limits",
     "Per tenant and scope: `rate` units per period `per`, and `burst` units beyond. Written\n"
     "without `burst`, the units of one period may come at once; null lifts the limit. A\n"
     "tenant's own record overrides these."},
    {"kafka", "Only with log.engine: kafka."},
    {"postgres", "Only with store.engine: postgres; one of dsn_file and dsn."},
    {"qdrant", "Only with vectors.engine: qdrant."},
    {"redis", "Only with limiter.engine or cache.engine: redis."},
    {"openai", "Any server with OpenAI's API; only with the engine openai."},
    {"telemetry", "What meshd tells about itself."},
    {"telemetry.log", "Logs go to stderr. The level changes on SIGHUP too."},
    {"telemetry.otlp", "Traces, as OTLP over HTTP."},
    {"telemetry.metrics", "Prometheus metrics, at /metrics of every listener."},
});

// A whole policy, so that no part of the default lives on beside what is written.
void read_rate(const std::string& path, const Value& value, RatePolicy& policy,
               Problems& problems) {
  // Made once: a kind carries its schema and texts.
  static const auto rate = big_integer(1, 10'000'000);
  static const auto burst = big_integer(0, 10'000'000);
  static const auto per = duration(kMillisecond, kDay);
  std::optional<std::int64_t> got_rate, got_burst;
  // Without `per`, a second, as the API has it.
  std::optional<Duration> got_per = seconds{1};
  for (const auto& [name, member, line] : value.members) {
    const auto take = [&](const auto& kind, auto& into) {
      into = kind.parse(member);
      if (!into) problems.add(path + "." + name, describe(member) + " is not " + kind.form);
    };
    if (name == "rate") {
      take(rate, got_rate);
    } else if (name == "per") {
      take(per, got_per);
    } else if (name == "burst") {
      take(burst, got_burst);
    } else {
      problems.add(path + "." + name,
                   "unknown key; " + suggest({"rate", "per", "burst"}, path + ".", name));
    }
  }
  if (!got_rate) {
    // A rate that is there and wrong has been told above.
    const bool absent = std::ranges::none_of(
        value.members, [](const auto& member) { return member.name == "rate"; });
    if (absent) problems.add(path, std::string("has no rate; write ") + kRateExample);
    return;
  }
  // Without `burst` the units of one period may come at once: one passes, and rate - 1 beyond it.
  if (got_per) policy = {*got_rate, *got_per, got_burst.value_or(*got_rate - 1)};
}

void check_rate(const std::string& path, const RatePolicy& policy, Problems& problems) {
  const auto check = [&](const char* name, const auto& kind, const auto& value) {
    if (const auto wrong = kind.check(value); !wrong.empty()) problems.add(path + name, wrong);
  };
  check(".rate", big_integer(1, 10'000'000), policy.rate);
  check(".burst", big_integer(0, 10'000'000), policy.burst);
  check(".per", duration(kMillisecond, kDay), policy.per);
  // GCRA counts in microseconds per unit.
  if (policy.rate > 0 && std::chrono::microseconds(policy.per).count() < policy.rate) {
    problems.add(path + ".rate", "more than a million per second; lower rate or raise per");
  }
}

Key rate_key(const std::string& scope, std::string doc) {
  const std::string path = "rate_limits." + scope;
  const Json policy = {{"type", "object"},
                       {"additionalProperties", false},
                       {"required", Json::array({"rate"})},
                       {"properties",
                        {{"rate", big_integer(1, 10'000'000).schema},
                         {"per", duration(kMillisecond, kDay).schema},
                         {"burst", big_integer(0, 10'000'000).schema}}}};
  Key key{path, std::move(doc), {{"anyOf", {policy, {{"type", "null"}}}}}, {}, {}, {}};
  key.read = [=](Config& config, const Value& value, Problems& problems) {
    // null lifts the limit: a scope without a policy is not limited.
    if (value.is_null()) {
      config.rate_limits.erase(scope);
    } else if (value.kind != Value::Kind::mapping) {
      problems.add(path, describe(value) + " is not a rate; write " + kRateExample);
    } else {
      read_rate(path, value, config.rate_limits[scope], problems);
    }
  };
  key.show = [=](const Config& config) -> Json {
    const auto found = config.rate_limits.find(scope);
    if (found == config.rate_limits.end()) return nullptr;
    const RatePolicy& p = found->second;
    return {{"rate", p.rate}, {"per", duration({}, {}).show(p.per)}, {"burst", p.burst}};
  };
  const auto of = [=](const Config& config) {
    const auto found = config.rate_limits.find(scope);
    return found == config.rate_limits.end() ? std::optional<RatePolicy>() : found->second;
  };
  key.same = [=](const Config& a, const Config& b) { return of(a) == of(b); };
  key.copy = [=](Config& to, const Config& from) {
    const auto taken = of(from);
    if (taken == of(to)) return;
    to.rate_limits.erase(scope);
    if (taken) to.rate_limits.emplace(scope, *taken);
  };
  key.check = [=](const Config& config, Problems& problems) {
    const auto found = config.rate_limits.find(scope);
    if (found != config.rate_limits.end()) check_rate(path, found->second, problems);
  };
  return key;
}

// A key is its member: path and access come from the same words.
#define MESH_MEMBER(member) \
#member, [](auto& c) -> auto& { return c.member; }

std::vector<Key> make_keys() {
  const auto timeout = duration(Duration{100}, hours{1});
  const auto http_url = url({"http", "https"});
  return {
      make_key(
          MESH_MEMBER(data_dir), text(),
          "Where meshd keeps its files, relative to where it starts. The unit and the image set\n"
          "/var/lib/mesh."),
      make_key(MESH_MEMBER(roles), list_of(choice(role_names())), "What this process runs."),

      make_key(MESH_MEMBER(listen.users), address(), "/users"),
      make_key(MESH_MEMBER(listen.gateway), address(), "/ai/users/search"),
      make_key(MESH_MEMBER(listen.publisher), address(), "/api/v1/events"),
      make_key(MESH_MEMBER(listen.subscriber), address(), "/api/v1/analytics and /api/v1/events/…"),
      make_key(MESH_MEMBER(listen.admin), address(),
               "/admin/v1; for operators, not for the network of the tenants"),

      make_key(MESH_MEMBER(http.workers), integer(0, 1024),
               "Threads that answer requests; 0: one per core, at least two."),
      make_key(
          MESH_MEMBER(http.blocking_workers), integer(1, 256),
          "Threads for requests that wait for the disk or another server, and for large bodies;\n"
          "as many again for those that wait long: searches, batches of users, dead letters."),
      make_key(MESH_MEMBER(http.max_connections), integer(1, 1'000'000),
               "Open connections of all listeners but the admin's. Beyond it the longest idle one\n"
               "makes room; where none is idle: 503, but for /livez, /readyz and the like."),
      make_key(MESH_MEMBER(http.max_admin_connections), integer(1, 1'000'000),
               "The same for the admin listener, beside the others'; where it shares its address\n"
               "with another role, its connections count among those."),
      make_key(
          MESH_MEMBER(http.max_waiting), integer(1, 1'000'000),
          "Requests that wait for records or the end of a task, as mesh events tail does, or for "
          "what\n"
          "they wrote; each holds a connection and no thread. Further ones: 503, or of a write at\n"
          "once what is durable."),
      make_key(MESH_MEMBER(http.max_streams), integer(1, 1'000'000),
               "Streams of events that one listener has open, as of GET /ai/watch; each holds a\n"
               "connection and no thread. Further ones: 503. Operators' count apart, to as many."),
      make_key(MESH_MEMBER(http.max_streams_per_tenant), integer(1, 1'000'000),
               "The same of one tenant, on all listeners: 429."),
      make_key(
          MESH_MEMBER(http.max_stream_age), duration(Duration{60'000}, 7 * kDay),
          "Then a stream ends with its next event or comment, and its client comes again with\n"
          "its credential. Longer lets one that is no longer valid read for as long."),
      make_key(MESH_MEMBER(http.max_body), size(kKiB, kGiB),
               "Largest body of a request; beyond it: 413."),
      make_key(MESH_MEMBER(http.max_bulk_body), size(kKiB, 4 * kGiB),
               "The same for bulk routes (NDJSON, batches, imports)."),
      make_key(MESH_MEMBER(http.max_buffered), size(kKiB, 64 * kGiB),
               "Memory for bodies that are being received and answers that wait for their readers; "
               "beyond\n"
               "it: 503. A tenant takes at most half of what the others leave, an address three "
               "quarters."),
      make_key(MESH_MEMBER(http.header_timeout), timeout,
               "Time for a request's headers to arrive; beyond it: 408. A connection that says\n"
               "nothing ends after it, too."),
      make_key(MESH_MEMBER(http.body_timeout), timeout,
               "Time for each 16 KiB of a request's body to arrive; beyond it: 408."),
      make_key(
          MESH_MEMBER(http.idle_timeout), duration(Duration{100}, kDay),
          "How long an idle connection stays open. More than the load balancer's, or it will send\n"
          "requests into closing connections."),
      make_key(MESH_MEMBER(http.write_timeout), timeout,
               "Time for a client to take each 16 KiB of its answer."),
      make_key(
          MESH_MEMBER(http.answer_timeout), duration(Duration{26'000}, kDay),
          "Time from a whole request to its answer, also while no thread is free; beyond it: 503.\n"
          "26s at least, since a request may ask to wait for 25s."),
      make_key(
          MESH_MEMBER(http.slow_request), duration(Duration{1}, kDay),
          "Beyond it a request is in the log at level info, as those that failed are, and what\n"
          "took longer in a trace is sent whatever telemetry.otlp.sample says. Time that a\n"
          "request asked to wait does not count."),
      make_key(MESH_MEMBER(http.max_wait), duration(Duration{1'000}, kDay),
               "How long at most a write or a search is held back until it is searchable or "
               "counted, or\n"
               "sees a write (Prefer: wait). A second below answer_timeout at least."),
      make_key(
          MESH_MEMBER(http.drain_delay), duration(Duration{0}, hours{1}),
          "On SIGTERM, how long requests are still taken while /readyz answers 503 and answers\n"
          "end their connections, so that load balancers can look elsewhere; a second SIGTERM\n"
          "ends it. 5s suits Kubernetes; 0s where nothing routes by /readyz."),
      make_key(MESH_MEMBER(http.drain_timeout), duration(Duration{0}, hours{1}),
               "Then, time for open requests to end."),
      make_key(
          MESH_MEMBER(http.allowed_hosts), list_of(host(), 0),
          "Names that a request's Host may hold beside addresses, localhost and the hosts of "
          "`listen`;\n"
          "others: 421, so that no page can reach this server by a name of its own (DNS "
          "rebinding).\n"
          "In auth.mode dev always checked, in jwt where the list is not empty. \"*\": any name."),
      make_key(
          MESH_MEMBER(http.tls.cert_file), text(),
          "PEM file of the certificate, and behind it those that lead to its authority; null:\n"
          "plain HTTP."),
      make_key(MESH_MEMBER(http.tls.key_file), text(),
               "PEM file of its key, without a pass phrase."),
      make_key(MESH_MEMBER(http.tls.client_ca_file), text(),
               "PEM file of the authorities that sign clients' certificates."),
      make_key(MESH_MEMBER(http.tls.client_auth), choice({"none", "optional", "require"}),
               "Whether clients present a certificate; one that is presented has to be good."),
      make_key(MESH_MEMBER(http.tls.admin_client_auth), choice({"none", "optional", "require"}),
               "The same for the admin listener, where it has an address of its own; null: as\n"
               "client_auth."),
      make_key(MESH_MEMBER(http.tls.min_version), choice({"1.2", "1.3"}), "Least version of TLS."),
      make_key(MESH_MEMBER(http.cors.origins), list_of(origin(), 0),
               "As https://app.example.com; none: browsers keep other sites' pages out."),
      make_key(MESH_MEMBER(http.cors.max_age), duration(Duration{0}, kDay),
               "How long a browser may remember that it may ask."),

      make_key(MESH_MEMBER(auth.mode), choice({"dev", "jwt"}),
               "dev: tokens are <tenant>:<user> and prove nothing, so every listener must be on\n"
               "loopback. jwt: signed tokens."),
      make_key(MESH_MEMBER(auth.allow_dev_on_network), flag(),
               "Permits mode dev beyond loopback: whoever reaches the port is whoever they say."),
      make_key(
          MESH_MEMBER(auth.anonymous_tenant), tenant(),
          "Mode dev only: the tenant of requests to /api/v1 without a credential; null: every\n"
          "request needs one."),
      make_key(MESH_MEMBER(auth.operator_token_file), text(),
               "File with the operator's token (at least 32 characters); null:\n"
               "<data_dir>/operator.token, made on first start."),
      make_key(MESH_MEMBER(auth.jwt.issuer), text(), "The only accepted `iss`."),
      make_key(MESH_MEMBER(auth.jwt.audience), text(), "What `aud` must be or contain."),
      make_key(
          MESH_MEMBER(auth.jwt.jwks_file), text(),
          "File with the issuer's public keys (JWKS): RS, PS, ES 256 to 512, EdDSA (Ed25519)."),
      make_key(
          MESH_MEMBER(auth.jwt.jwks_url), http_url,
          "Where the issuer publishes them: fetched at the start, when Cache-Control's max-age "
          "(60s\n"
          "to 24h) or else 300s have passed, and for a key that is not known, at most every 30s.\n"
          "While that fails the last ones serve, for 24h; where there are none: 503."),
      make_key(MESH_MEMBER(auth.jwt.ca_file), text(),
               "PEM file of the authorities that sign jwks_url's server; null: the system's."),
      make_key(MESH_MEMBER(auth.jwt.hs256_secret_file), text(),
               "File with a shared secret of at least 32 bytes; allows HS256."),
      make_key(
          MESH_MEMBER(auth.jwt.tenant_claim), text(),
          "The claim that names the tenant, or its JSON pointer, as /realm/tenant; `sub` names\n"
          "the user."),
      make_key(MESH_MEMBER(auth.jwt.leeway), duration(Duration{0}, seconds{60}),
               "Allowed difference of clocks."),

      make_key(
          MESH_MEMBER(auth.client_certificate.user), text(),
          "A tenant's user, as spiffe://mesh.example.org/{tenant}/{user} or CN={tenant}:{user};\n"
          "null: nobody is one by a certificate."),
      make_key(MESH_MEMBER(auth.client_certificate.operators), list_of(text(), 0),
               "Operators: whole URIs, or CN=name."),

      make_key(MESH_MEMBER(log.engine), choice({"sqlite", "kafka"}), "sqlite (embedded) or kafka."),
      make_key(MESH_MEMBER(log.partitions), integer(1, 1024),
               "Partitions of a new topic: how many consumers can share it. Others keep theirs."),
      make_key(MESH_MEMBER(log.retention.activity.age), duration(minutes{1}, hours{24 * 3650}),
               "Oldest event kept."),
      make_key(MESH_MEMBER(log.retention.activity.size), size(kMiB, 1024 * 1024 * kGiB),
               "Largest topic."),
      make_key(
          MESH_MEMBER(log.retention.activity.hard_size), size(kMiB, 1024 * 1024 * kGiB),
          "Beyond it the oldest events go even unprocessed: counted, logged and shown by mesh\n"
          "check. null: they stay; when the disk is full writes are answered 503."),
      make_key(MESH_MEMBER(log.compaction.min_lag), duration(Duration{0}, kDay),
               "Nothing younger goes, so that a consumer less than that behind sees every event."),
      make_key(MESH_MEMBER(log.compaction.max_lag), duration(minutes{1}, hours{24 * 365}),
               "Earlier events of a user who was changed or removed are gone, also from the file,\n"
               "after this time: at least min_lag + 30s. Shorter reads the log more often."),
      make_key(
          MESH_MEMBER(log.compaction.delete_retention), duration(minutes{1}, hours{24 * 365}),
          "How long the event of a removal (ids alone) stays; until every group has processed\n"
          "it, where that is longer."),
      make_key(MESH_MEMBER(log.max_pending), size(64 * kKiB, 64 * kGiB),
               "Events that wait for their commit; beyond it: 503."),

      make_key(MESH_MEMBER(store.engine), choice({"sqlite", "postgres"}),
               "sqlite (embedded) or postgres."),
      make_key(MESH_MEMBER(vectors.engine), choice({"embedded", "qdrant"}), "embedded or qdrant."),
      make_key(MESH_MEMBER(vectors.hnsw_threshold), big_integer(1, 1'000'000'000),
               "From how many vectors of a tenant on the search is approximate; null: 4096, as "
               "measured."),
      make_key(
          MESH_MEMBER(vectors.events), flag(),
          "true: events of searchable types are indexed, too (`mesh search --type`), which costs\n"
          "a pipeline their embedding and about as much disk as the log takes for them.\n"
          "Every process on the same data needs the same."),
      make_key(
          MESH_MEMBER(vectors.recent_searches), integer(0, 100'000),
          "So many of the last distinct searches a process keeps in its memory, never on disk:\n"
          "what `mesh index compare` asks generations by. 0: none."),
      make_key(MESH_MEMBER(limiter.engine), choice({"memory", "redis"}),
               "memory (per process) or redis (shared by all processes with its url and prefix)."),
      make_key(
          MESH_MEMBER(limiter.on_unavailable), choice({"allow", "deny"}),
          "What happens to requests while the limiter's server, or the tenants' records, cannot\n"
          "be reached: a decision that takes longer than a second counts so."),
      make_key(MESH_MEMBER(cache.engine), choice({"none", "redis"}),
               "none, or redis with its url and prefix: keeps summaries where they are read from\n"
               "PostgreSQL. Every process on the same data needs the same."),
      make_key(
          MESH_MEMBER(cache.searches), flag(),
          "true: answers to searches, too, which pays where many are the same. A change of one\n"
          "of its users forgets those of a tenant."),
      make_key(
          MESH_MEMBER(cache.ttl), duration(Duration{100}, minutes{10}),
          "How long an answer is kept, unless an event changes it. Where the pipelines cannot\n"
          "reach the server that others reach, it may be that old."),
      make_key(MESH_MEMBER(cache.max), size(kMiB, 1024 * kGiB),
               "What this process has in the server at once, about."),
      make_key(MESH_MEMBER(embedder.engine), choice({"hashing", "static", "openai"}),
               "hashing (embedded, of words and letters), static (embedded, of meanings: a model\n"
               "in a folder) or openai."),
      make_key(
          MESH_MEMBER(embedder.path), text(),
          "The folder of engine static: model.safetensors, tokenizer.json and config.json, as\n"
          "`mesh model build` makes them. One in use is replaced and not edited."),
      make_key(MESH_MEMBER(embedder.dimension), integer(16, 4096),
               "Length of the vectors of words, or of the model; null: 384, or what the folder of\n"
               "engine static has. Another one needs the index rebuilt."),
      make_key(
          MESH_MEMBER(embedder.letters), integer(0, 4096),
          "With static or openai: length of a part for letters beside that for meanings, which\n"
          "finds names and forgives typos; 0: none. null: 384 with static, none with openai."),
      make_key(MESH_MEMBER(extractor.engine), choice({"computed", "openai"}),
               "computed (from the formula) or openai."),
      make_key(MESH_MEMBER(extractor.model), text(),
               "The language model that engine openai asks; null: openai.model."),
      make_key(
          MESH_MEMBER(extractor.prompt_file), text(),
          "File with the prompt, read at the start: {experiment} in it, once, is where the\n"
          "experiment goes; what stands before that is the system's message. null: meshd's own."),
      make_key(MESH_MEMBER(extractor.fallback), choice({"computed", "none"}),
               "What becomes of an experiment that the model gives no good answer to, also when\n"
               "asked again: computed, marked as such, or none: a dead letter."),
      make_key(MESH_MEMBER(extractor.max_answer_tokens), integer(50, 1'000'000),
               "Longest answer; what is cut off is no good one. Models that think need more."),
      make_key(MESH_MEMBER(extractor.max_in_flight), integer(1, 256),
               "Requests to the model at once; fewer while its server answers 429."),
      make_key(MESH_MEMBER(extractor.rate), integer(1, 1'000'000),
               "Requests to the model in a minute, of this process; null: what its server takes."),
      make_key(MESH_MEMBER(extractor.price.input), amount(),
               "Of a million tokens that are sent, in any currency: what `mesh usage` counts."),
      make_key(MESH_MEMBER(extractor.price.output), amount(), "Of a million that are answered."),

      make_key(MESH_MEMBER(pipelines.batch), integer(1, 10'000),
               "Events per batch: more is faster, and repeats more after a crash."),
      make_key(MESH_MEMBER(pipelines.max_parked), integer(1, 1'000'000),
               "Events of one pipeline that wait for a retry; beyond it the pipeline pauses."),
      make_key(MESH_MEMBER(pipelines.retry.base), duration(kMillisecond, hours{1}),
               "The first delay, at most."),
      make_key(MESH_MEMBER(pipelines.retry.cap), duration(kMillisecond, kDay),
               "Any delay, at most."),
      make_key(MESH_MEMBER(pipelines.retry.max_attempts), integer(1, 100),
               "After so many the event goes to the dead letters."),

      make_key(MESH_MEMBER(tasks.max_running), integer(1, 64),
               "So many at once in one process; further ones wait."),
      make_key(
          MESH_MEMBER(tasks.max_running_per_tenant), integer(1, 64),
          "So many at once that are about one tenant's events alone, in all processes together."),

      make_key(MESH_MEMBER(tenants.registration), choice({"open", "required"}),
               "open: whoever has a credential. required: those with a record (`mesh apply`,\n"
               "`mesh tenants create`); requests of others are 403."),
      make_key(MESH_MEMBER(tenants.erasure), choice({"none", "crypto"}),
               "crypto: the log holds the values of a tenant's records encrypted by a key of the\n"
               "tenant's own, which erasing the tenant removes. Needs master_key_file."),
      make_key(
          MESH_MEMBER(tenants.master_key_file), text(),
          "File with the key that encrypts the tenants' keys: 64 hexadecimal digits, as\n"
          "`openssl rand -hex 32` makes. Without it nobody reads what was encrypted, ever; it\n"
          "is read at the start alone, and needed as long as the log holds such records."),
      make_key(MESH_MEMBER(tenants.old_master_key_file), text(),
               "File with the key before, while it is exchanged: the start encrypts anew what it\n"
               "opens and master_key_file does not. null once every process was started so."),
      make_key(MESH_MEMBER(tenants.receipt_key_file), text(),
               "PEM file of the private key (Ed25519) that signs the receipts of purges:\n"
               "`openssl genpkey -algorithm ed25519`; null: nothing is purged."),
      make_key(MESH_MEMBER(console.enabled), flag(), "false: it is not served."),
      make_key(MESH_MEMBER(console.session), duration(Duration{60'000}, 30 * kDay),
               "A browser that signed in is taken for the operator for so long."),
      make_key(MESH_MEMBER(console.read_only), flag(),
               "true: nobody changes anything by the console."),
      make_key(MESH_MEMBER(console.hide_payloads), flag(),
               "true: it shows nobody what events and users hold."),
      make_key(MESH_MEMBER(console.may_export), flag(),
               "false: it has no button that saves what it shows as a file."),
      make_key(
          MESH_MEMBER(canary), choice({"off", "on"}),
          "on: each process asks its own listeners, every ten seconds, for what two tenants of\n"
          "its own have (mesh-canary-a, mesh-canary-b), each in the other's name, and says so\n"
          "where it is shown that."),
      rate_key("search", "Searches."),
      rate_key("publish", "Events, one by one or in bulk."),
      rate_key("users", "Requests to /users."),
      rate_key("admin", "Requests to the admin API in a tenant's name (X-Tenant-Id)."),

      make_key(MESH_MEMBER(kafka.brokers), list_of(address()), "Brokers to ask first."),
      make_key(MESH_MEMBER(kafka.security),
               choice({"plaintext", "ssl", "sasl_plaintext", "sasl_ssl"}),
               "The brokers' security protocol."),
      make_key(MESH_MEMBER(kafka.sasl), choice({"plain", "scram-sha-256", "scram-sha-512"}),
               "SASL mechanism, with security sasl_plaintext or sasl_ssl."),
      make_key(MESH_MEMBER(kafka.username), text(), "Of SASL."),
      make_key(MESH_MEMBER(kafka.password_file), text(), "File with the password of SASL."),
      make_key(MESH_MEMBER(kafka.ca_file), text(),
               "PEM file of the authorities that sign brokers; null: the system's."),
      make_key(MESH_MEMBER(kafka.cert_file), text(), "PEM file of the client's certificate."),
      make_key(MESH_MEMBER(kafka.key_file), text(), "PEM file of its key."),
      make_key(MESH_MEMBER(kafka.prefix), text(),
               "What the names of topics and groups begin with on the brokers."),
      make_key(MESH_MEMBER(kafka.replication), integer(1, 16),
               "Copies of each partition of a new topic."),
      make_key(MESH_MEMBER(kafka.create_topics), flag(),
               "false: topics are made by somebody else; a missing one stops the start."),
      make_key(MESH_MEMBER(postgres.dsn_file), text(), "File with the connection string."),
      make_key(MESH_MEMBER(postgres.dsn), secret(),
               "The connection string itself, best as ${VAR}."),
      make_key(MESH_MEMBER(postgres.password_file), text(), "File with the password alone."),
      make_key(MESH_MEMBER(postgres.ca_file), text(),
               "PEM file of the authorities that sign the server: it then has to prove its name\n"
               "(sslmode verify-full), unless the connection string says otherwise."),
      make_key(MESH_MEMBER(postgres.schema), text(),
               "The schema of the tables; made where it is missing."),
      make_key(MESH_MEMBER(postgres.pool), integer(2, 1000), "Connections of this process."),
      make_key(MESH_MEMBER(qdrant.url), http_url, "The REST address."),
      make_key(MESH_MEMBER(qdrant.api_key_file), text(), "File with the API key."),
      make_key(
          MESH_MEMBER(qdrant.ca_file), text(),
          "PEM file of the authorities that sign the server of an https url; null: the system's."),
      make_key(MESH_MEMBER(qdrant.prefix), text(),
               "What the names of collections and their alias begin with."),
      make_key(MESH_MEMBER(qdrant.timeout), timeout, "Per request."),
      make_key(MESH_MEMBER(qdrant.flush_interval), duration(Duration{0}, minutes{10}),
               "The server's storage.wal flush interval: what a power cut may take from it is\n"
               "read from the log again."),
      make_key(MESH_MEMBER(redis.url), url({"redis", "rediss"}),
               "Server and database: redis://[user:password@]host[:port][/database], user and\n"
               "password percent-encoded; rediss:// for TLS. Tested with Redis 7.0."),
      make_key(MESH_MEMBER(redis.password_file), text(),
               "File with the password, of the url's user or the default one."),
      make_key(MESH_MEMBER(redis.ca_file), text(),
               "PEM file of the authorities that sign the server of a rediss url; null: the "
               "system's."),
      make_key(MESH_MEMBER(redis.prefix), text(), "What every key begins with."),
      make_key(MESH_MEMBER(openai.base_url), http_url, "As https://api.openai.com/v1."),
      make_key(MESH_MEMBER(openai.api_key_file), text(), "File with the API key."),
      make_key(
          MESH_MEMBER(openai.ca_file), text(),
          "PEM file of the authorities that sign the server of an https url; null: the system's."),
      make_key(MESH_MEMBER(openai.model), text(), "The model's name."),
      make_key(MESH_MEMBER(openai.timeout), timeout, "Per request."),
      make_key(MESH_MEMBER(openai.cache), size(kMiB, 1024 * kGiB),
               "Vectors, and properties, that are kept in data_dir: a replay does not pay again."),

      make_key(MESH_MEMBER(telemetry.log.level),
               choice({"trace", "debug", "info", "warn", "error", "off"}),
               "Least level that is written."),
      make_key(MESH_MEMBER(telemetry.log.format), choice({"auto", "text", "json"}),
               "auto: text on a terminal, JSON lines elsewhere."),
      make_key(MESH_MEMBER(telemetry.otlp.endpoint), http_url,
               "As http://127.0.0.1:4318, to which /v1/traces is added; null: no traces are sent."),
      make_key(
          MESH_MEMBER(telemetry.otlp.headers_file), text(),
          "File with header fields of each request, one a line, as `Authorization: Bearer …`."),
      make_key(
          MESH_MEMBER(telemetry.otlp.ca_file), text(),
          "PEM file of the authorities that sign the server of an https url; null: the system's."),
      make_key(
          MESH_MEMBER(telemetry.otlp.sample), fraction(),
          "Share of traces that begin here and are sent. What failed or was slow is sent beside\n"
          "them, and a client's traceparent says itself whether its trace is."),
      make_key(
          MESH_MEMBER(telemetry.metrics.tenants), integer(0, 10'000),
          "Tenants that metrics name; the rest counts as `other`. Each costs some hundred series."),
  };
}
#undef MESH_MEMBER

}  // namespace

const std::vector<Key>& keys() {
  static const std::vector<Key> all = make_keys();
  return all;
}

std::span<const Group> groups() { return kGroups; }

}  // namespace mesh::config
