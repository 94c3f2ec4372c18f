#include "cli/bundle/parts.h"

#include <sys/utsname.h>

#include "cli/bundle/local.h"
#include "cli/bundle/privacy.h"

#ifndef MESH_VERSION
#define MESH_VERSION "0"
#endif

namespace mesh::cli {
namespace {

constexpr Duration kPatience{10'000};
constexpr int kTasks = 200;
constexpr int kJournalLines = 5000;

using Files = std::vector<ArchivedFile>;

std::string document(const Json& value) { return dump(value, 2) + "\n"; }

class Collector {
 public:
  Collector(Session& session, const BundleOptions& options)
      : session_(session), mesh_(patient(session)), options_(options) {
    const auto& known = mesh_.options();
    secrets_ = {known.operator_token, known.token, session.settings.operator_token,
                session.settings.token};
  }

  std::vector<BundlePart> run(const std::function<void(const std::string&)>& begun) {
    begun_ = begun;
    add("versions", [this] { return versions(); });
    add("configuration", [this] { return one("config.json", mesh_.config()); });
    add("readiness", [this] { return readiness(); });
    add("checks", [this] { return many("checks.json", mesh_.check()); });
    add("servers", [this] { return many("servers.json", mesh_.servers()); });
    add("metrics", [this] { return metrics(); });
    add("log", [this] { return log(); });
    add("topics", [this] { return many("topics.json", mesh_.topics()); });
    add("groups", [this] { return many("groups.json", mesh_.groups()); });
    add("dead letters", [this] { return many("dead_letters.json", mesh_.dead_letter_topics()); });
    add("tasks", [this] { return many("tasks.json", mesh_.tasks(kTasks)); });
    add("members", [this] { return many("members.json", mesh_.members()); });
    add("indexes", [this] { return many("indexes.json", mesh_.indexes()); });
    add("tenants", [this] { return tenants(); });
    add_local();
    return std::move(parts_);
  }

 private:
  // Many questions: a server that stands still must not hold each up for half a minute.
  static client::Options patient(const Session& session) {
    client::Options options = session.mesh->options();
    if (!session.settings.timeout) options.timeout = kPatience;
    return options;
  }

  template <typename Take>
  void add(const std::string& name, const Take& take,
           BundlePart::State otherwise = BundlePart::State::failed) {
    begun_(name);
    BundlePart part{.name = name, .state = {}, .reason = {}, .files = {}};
    Result<Files> files = take();
    if (files) {
      part.files = std::move(*files);
    } else {
      part.state = otherwise;
      part.reason = files.error().message;
    }
    for (auto& file : part.files) strike_out(file.text, secrets_);
    strike_out(part.reason, secrets_);
    parts_.push_back(std::move(part));
  }

  std::string text_of(Json value) const {
    if (!options_.tenants) mask_.hide(value);
    return document(value);
  }

  Result<Files> one(const std::string& file, const Result<Json>& value) const {
    if (!value) return fail(value.error());
    return Files{{file, text_of(*value)}};
  }

  Result<Files> many(const std::string& file, const Result<std::vector<Json>>& items) const {
    if (!items) return fail(items.error());
    return Files{{file, text_of(Json(*items))}};
  }

  Result<Files> versions() {
    Json servers = Json::object();
    std::optional<Error> silent;
    for (const client::Role role : client::kRoles) {
      const std::string& url = mesh_.options().endpoints.of(role);
      if (url.empty()) continue;
      const auto health = mesh_.probe(role, "/health");
      const auto body = health ? parse_json(health->body) : Result<Json>(fail(health.error()));
      if (!health) silent = health.error();
      servers[std::string(to_string(role))] = {
          {"address", url}, {"version", body ? at_path(*body, "version") : Json()}};
    }
    utsname host{};
    ::uname(&host);
    if (silent && servers.size() == 1) return fail(*silent);
    return Files{{"versions.json",
                  document({{"client", MESH_VERSION},
                            {"client_system",
                             std::string(host.sysname) + " " + host.release + " " + host.machine},
                            {"servers", servers}})}};
  }

  // Also of a listener that is not ready, which says what is missing.
  Result<Files> readiness() {
    Files files;
    std::optional<Error> silent;
    for (const client::Role role : client::kRoles) {
      if (mesh_.options().endpoints.of(role).empty()) continue;
      const auto answer = mesh_.probe(role, "/readyz?verbose");
      if (!answer) silent = answer.error();
      files.push_back({"readiness/" + std::string(to_string(role)) + ".txt",
                       answer ? std::to_string(answer->status) + "\n" + answer->body + "\n"
                              : answer.error().message + "\n"});
    }
    if (silent) return fail(*silent);
    return files;
  }

  Result<Files> metrics() {
    const auto answer = MESH_TRY(mesh_.probe(client::Role::admin, "/metrics"));
    if (answer.status != 200)
      return fail(ErrorKind::unavailable, "status " + std::to_string(answer.status));
    return Files{{"metrics.txt", options_.tenants ? answer.body : mask_.hide_labels(answer.body)}};
  }

  Result<Files> log() {
    auto lines = mesh_.log_lines();
    if (!lines && lines.error().kind == ErrorKind::not_found)
      return fail(ErrorKind::not_found, "this meshd is of a version that keeps no lines");
    if (!lines) return fail(lines.error());
    std::string text;
    for (Json& line : *lines) {
      if (!options_.tenants) mask_.hide(line);
      text += dump(line) + "\n";
    }
    return Files{{"log.ndjson", std::move(text)}};
  }

  Result<Files> tenants() {
    auto records = MESH_TRY(mesh_.tenants());
    auto usage = MESH_TRY(mesh_.usage("1m", "requests", 1000));
    for (Json& record : records) {
      if (options_.tenants || !record.is_object() || !at_path(record, "id").is_string()) continue;
      record["id"] = mask_.pseudonym(record["id"].get_ref<const std::string&>());
      record.erase("name");
    }
    return Files{{"tenants.json", text_of({{"records", records}, {"usage", usage}})}};
  }

  void add_local() {
    using State = BundlePart::State;
    const std::string& folder = session_.settings.data_dir;
    const auto pid = local_process(folder);
    const auto of_process = [&](const char* file, const auto& take) -> Result<Files> {
      if (!pid) return fail(pid.error());
      return Files{{file, MESH_TRY(take(*pid))}};
    };
    const State without = pid ? State::failed : State::absent;
    add(
        "threads", [&] { return of_process("threads.txt", threads_of); }, without);
    if (options_.stacks) {
      add(
          "stacks", [&] { return of_process("stacks.txt", stacks_of); }, State::failed);
    } else {
      add(
          "stacks",
          [] { return Result<Files>(fail(ErrorKind::cancelled, "not asked for (--stacks)")); },
          State::absent);
    }
    add(
        "journal",
        [&]() -> Result<Files> {
          if (!pid) return fail(pid.error());
          const auto lines = MESH_TRY(journal_of(*pid, kJournalLines));
          return Files{{"journal.txt", options_.tenants ? lines : mask_.hide_in_lines(lines)}};
        },
        State::absent);
  }

  static Result<pid_t> local_process(const std::string& folder) {
    if (folder.empty())
      return fail(ErrorKind::not_found,
                  "it is not known that meshd runs on this machine; --data-dir says so");
    return process_of(folder);
  }

  Session& session_;
  client::Client mesh_;
  const BundleOptions& options_;
  const TenantMask mask_;
  std::vector<std::string> secrets_;
  std::function<void(const std::string&)> begun_;
  std::vector<BundlePart> parts_;
};

}  // namespace

std::vector<BundlePart> collect_parts(Session& session, const BundleOptions& options,
                                      const std::function<void(const std::string&)>& begun) {
  return Collector(session, options).run(begun);
}

}  // namespace mesh::cli
