// A cluster as kubectl reaches it: always by a named kubeconfig and context, never by whichever is
// current.
#pragma once

#include <string>
#include <vector>

#include "cli/commands/deploy/workplace.h"
#include "cli/program.h"

namespace mesh::cli::deploy {

class Cluster {
 public:
  // `kubeconfig`: a file, or several with ":" between them, as $KUBECONFIG.
  Cluster(std::string kubeconfig, std::string context, std::string name_space = {})
      : kubeconfig_(std::move(kubeconfig)),
        context_(std::move(context)),
        name_space_(std::move(name_space)) {}

  const std::string& name_space() const { return name_space_; }
  Program kubectl(std::vector<std::string> arguments, const std::string& input = {}) const;

  // What kubectl prints to stdout. Its errors by what it says: `not_found`, `forbidden`,
  // `unavailable` where the cluster does not answer, else `conflict`.
  Result<std::string> ask(std::vector<std::string> arguments, const std::string& input = {}) const;
  // Likewise, of `-o json`.
  Result<Json> get(std::vector<std::string> arguments) const;
  // Runs it with its output in the log; an error quotes its last lines.
  Status run(std::vector<std::string> arguments, const std::string& input,
             const Watched& watched) const;

 private:
  const std::string kubeconfig_, context_, name_space_;
};

// An error of kubectl by what it wrote to stderr.
Error kubectl_error(const std::string& stderr_text);

// The last lines of a text that are not empty, with ";" between them.
std::string last_lines(const std::string& text, std::size_t count);

// The files of a list as $KUBECONFIG has it, each from the root on.
std::string absolute_files(const std::string& files);
// The kubeconfig files that kubectl takes without a flag.
std::string default_kubeconfig(const Session& session);
// The address of the context's cluster. `not_found` where the files have no such context.
Result<std::string> server_of(const Cluster& cluster, const std::string& context);

}  // namespace mesh::cli::deploy
