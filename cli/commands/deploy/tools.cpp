#include "cli/commands/deploy/tools.h"

#include "cli/program.h"
#include "common/base/strings.h"

namespace mesh::cli::deploy {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The number at `at`, which moves behind it.
std::optional<int> number_at(const std::string& text, std::size_t& at) {
  std::size_t end = at;
  while (end < text.size() && is_digit(text[end])) ++end;
  const auto number = parse_int(std::string_view(text).substr(at, end - at));
  at = end;
  if (!number || *number > 1'000'000) return {};
  return static_cast<int>(*number);
}

std::optional<ToolVersion> version_at(const std::string& text, std::size_t at) {
  ToolVersion version;
  const auto major = number_at(text, at);
  if (!major || at >= text.size() || text[at] != '.') return {};
  const auto minor = number_at(text, ++at);
  if (!minor) return {};
  version = {*major, *minor, 0};
  if (at < text.size() && text[at] == '.') version.patch = number_at(text, ++at).value_or(0);
  return version;
}

}  // namespace

std::optional<ToolVersion> find_version(const std::string& text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!is_digit(text[at]) || (at > 0 && is_digit(text[at - 1]))) continue;
    if (const auto version = version_at(text, at)) return version;
  }
  return {};
}

std::string to_string(const ToolVersion& v) {
  return std::to_string(v.major) + "." + std::to_string(v.minor) + "." + std::to_string(v.patch);
}

// 1.27 brought kustomize 5, which the overlays are written for.
const Tool& kubectl_tool() {
  static const Tool tool{"kubectl",
                         {"version", "--client", "-o", "yaml"},
                         {1, 27, 0},
                         "fills the cluster",
                         "https://kubernetes.io/docs/tasks/tools/"};
  return tool;
}

// 1.10 is the first with a lock in the S3 bucket itself.
const Tool& terraform_tool() {
  static const Tool tool{"terraform",
                         {"version", "-json"},
                         {1, 10, 0},
                         "builds the cluster",
                         "https://developer.hashicorp.com/terraform/install"};
  return tool;
}

// 1.24 is the first whose `eks get-token` speaks client.authentication.k8s.io/v1beta1.
const Tool& aws_tool() {
  static const Tool tool{"aws",
                         {"--version"},
                         {1, 24, 0},
                         "signs in to the cluster",
                         "https://docs.aws.amazon.com/cli/latest/userguide/"};
  return tool;
}

std::vector<std::string> missing_of(const std::vector<Tool>& tools) {
  std::vector<std::string> missing;
  for (const Tool& tool : tools) {
    const std::string needed = to_string(tool.least) + " or newer";
    if (!has_program(tool.name)) {
      missing.push_back(tool.name + " " + needed + " (" + tool.why +
                        ") is not on $PATH: " + tool.from);
      continue;
    }
    std::vector<std::string> words{tool.name};
    words.insert(words.end(), tool.ask.begin(), tool.ask.end());
    const auto ended = run_program({.words = words});
    const auto version = ended ? find_version(ended->out + ended->err) : std::nullopt;
    if (!version) {
      missing.push_back(tool.name + ": `" + join(words, " ") + "` prints no version");
    } else if (*version < tool.least) {
      missing.push_back(tool.name + " is " + to_string(*version) + ", too old: " + needed +
                        " is needed: " + tool.from);
    }
  }
  return missing;
}

Status found_all(const std::vector<std::string>& missing) {
  if (missing.empty()) return {};
  return fail(ErrorKind::conflict,
              "not all that is needed is here; nothing was done\n  " + join(missing, "\n  "));
}

}  // namespace mesh::cli::deploy
