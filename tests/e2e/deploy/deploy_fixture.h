// `mesh deploy` with programs of the test's own, a source and a state of its own.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/types.h>

#include <functional>
#include <map>

#include "tests/e2e/deploy/fake_tools.h"

namespace mesh::e2e {

class DeployTest : public ::testing::Test {
 protected:
  DeployTest();

  // Runs `mesh deploy …` to its end, in an environment that has `variables_` beside its own.
  Outcome deploy(std::vector<std::string> words);
  // Likewise on a terminal, where `typed` answers the question; all that it shows is in out.
  Outcome answered(std::vector<std::string> words, const std::string& typed);
  // Starts it, sends SIGINT once `ready` (a file of the tools') is there, and waits for its end.
  Outcome interrupted(std::vector<std::string> words, const std::string& ready);

  // A program that fails once: the call, what it says, and what `mesh deploy` makes of it.
  struct Failure {
    const char* glob;
    const char* err;
    int exit;
    const char* told;
  };
  // Runs it with each of them: a clear word, an exit code, nothing on stdout. `after` looks
  // further.
  void expect_told(const std::vector<Failure>& failures, const std::function<Outcome()>& run,
                   const std::function<void(const Failure&, const Outcome&)>& after);

  // A cluster that takes everything, with these documents as the overlay's.
  void a_cluster_that_works();
  // The Secret is there from now on.
  void secret_is_there();
  // An AWS and a terraform that work, with the outputs.
  void a_stack_that_works();

  std::string state(const std::string& file) const {
    return dir_.file("state/mesh/deploy/" + file);
  }
  // Every file and folder of the deployments, and what is in it.
  std::map<std::string, std::string> places() const;
  // All of that: where a secret could be.
  std::string everything_kept() const;
  void write(const std::string& name, const std::string& text);
  std::string read(const std::string& path) const;

  test::TempDir dir_;
  std::vector<std::string> variables_;
  FakeTools tools_{{"kubectl", "terraform", "aws", "buildah"}};
  const std::string source_ = dir_.file("source");
};

// What an overlay renders to: a namespace, settings, a job, a service and two workloads.
extern const char* const kDocuments;
inline const std::vector<std::string> kKubernetes{"kubernetes", "--context", "prod", "--overlay",
                                                  "minimal",    "--skip",    "smoke"};

}  // namespace mesh::e2e
