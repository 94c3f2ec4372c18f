#include "cli/commands/deploy/cluster.h"

#include <filesystem>

#include "common/base/strings.h"

namespace mesh::cli::deploy {
namespace {

constexpr JsonLimits kAnswer{.max_depth = 64, .max_bytes = std::size_t{64} << 20};

bool has(const std::string& text, const char* part) { return text.find(part) != text.npos; }

}  // namespace

std::string last_lines(const std::string& text, std::size_t count) {
  std::vector<std::string> lines;
  for (const auto& line : split(text, '\n')) {
    if (!trim(line).empty()) lines.emplace_back(trim(line));
  }
  if (lines.size() > count) lines.erase(lines.begin(), lines.end() - static_cast<long>(count));
  return join(lines, "; ");
}

Error kubectl_error(const std::string& text) {
  Error error;
  error.kind = ErrorKind::conflict;
  if (has(text, "(NotFound)") || has(text, "not found")) error.kind = ErrorKind::not_found;
  if (has(text, "(Forbidden)") || has(text, "Unauthorized") || has(text, "must be logged in"))
    error.kind = ErrorKind::forbidden;
  for (const char* unreached :
       {"connection refused", "Unable to connect to the server", "was refused", "no such host",
        "i/o timeout", "TLS handshake", "context deadline exceeded"}) {
    if (has(text, unreached)) error.kind = ErrorKind::unavailable;
  }
  const std::string said = last_lines(text, 3);
  error.message = "kubectl: " + (said.empty() ? "it failed without a word" : said);
  return error;
}

Program Cluster::kubectl(std::vector<std::string> arguments, const std::string& input) const {
  Program program{.words = {"kubectl"}, .input = input};
  if (kubeconfig_.find(':') == kubeconfig_.npos)
    program.words.push_back("--kubeconfig=" + kubeconfig_);
  else
    program.environment.push_back("KUBECONFIG=" + kubeconfig_);
  program.words.push_back("--context=" + context_);
  if (!name_space_.empty()) program.words.push_back("--namespace=" + name_space_);
  for (auto& word : arguments) program.words.push_back(std::move(word));
  return program;
}

Result<std::string> Cluster::ask(std::vector<std::string> arguments,
                                 const std::string& input) const {
  auto ended = MESH_TRY(run_program(kubectl(std::move(arguments), input)));
  if (ended.code != 0) return fail(kubectl_error(ended.err));
  return std::move(ended.out);
}

Result<Json> Cluster::get(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), "get");
  arguments.insert(arguments.end(), {"-o", "json"});
  const auto text = MESH_TRY(ask(std::move(arguments)));
  return parse_json(text, kAnswer);
}

Status Cluster::run(std::vector<std::string> arguments, const std::string& input,
                    const Watched& watched) const {
  std::string said;
  Watched both = watched;
  both.on_line = [&](const std::string& line) {
    said += line + "\n";
    if (watched.on_line) watched.on_line(line);
  };
  const auto ended = MESH_TRY(run_logged(kubectl(std::move(arguments), input), both));
  if (ended.code != 0) return fail(kubectl_error(said));
  return {};
}

std::string absolute_files(const std::string& files) {
  std::vector<std::string> all;
  for (const auto& file : split(files, ':'))
    all.push_back(file.empty() ? std::string() : std::filesystem::absolute(file).string());
  return join(all, ":");
}

std::string default_kubeconfig(const Session& session) {
  if (const char* files = session.surroundings.env("KUBECONFIG");
      files != nullptr && *files != '\0') {
    return files;
  }
  const char* home = session.surroundings.env("HOME");
  return home == nullptr ? std::string() : std::string(home) + "/.kube/config";
}

Result<std::string> server_of(const Cluster& cluster, const std::string& context) {
  // --minify keeps the context's cluster alone; secrets are left out of what it prints.
  auto text =
      cluster.ask({"config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}"});
  if (!text) {
    return fail(ErrorKind::not_found,
                "no context \"" + context + "\": " + text.error().message +
                    "; `kubectl config get-contexts` lists them, --kubeconfig names another file");
  }
  if (trim(*text).empty())
    return fail(ErrorKind::not_found, "the context \"" + context + "\" names no cluster");
  return std::string(trim(*text));
}

}  // namespace mesh::cli::deploy
