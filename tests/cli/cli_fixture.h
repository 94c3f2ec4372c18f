// Runs the tool in this process against a fake server.
#pragma once

#include <fstream>
#include <map>
#include <sstream>

#include "cli/app.h"
#include "tests/support/fake_mesh.h"
#include "tests/support/temp_dir.h"

namespace mesh::cli {

class CliTest : public ::testing::Test {
 protected:
  // Exit code; out and err hold what was printed.
  int mesh(std::vector<std::string> arguments, const std::string& input = "") {
    std::istringstream in(input);
    std::ostringstream data, notes;
    Surroundings around;
    around.env = [this](const char* name) -> const char* {
      const auto it = env.find(name);
      return it == env.end() ? nullptr : it->second.c_str();
    };
    around.local_data_dirs = {};
    Session session(around, in, data, notes, terminal, *clock);
    const Exit exit = run(arguments, session);
    out = data.str();
    err = notes.str();
    return static_cast<int>(exit);
  }
  // Against the fake, as the tenant's user. The tenant comes by the environment, which no verb
  // refuses.
  int at_fake(std::vector<std::string> arguments, const std::string& input = "") {
    arguments.insert(arguments.end(), {"--server", fake.url(), "--token", "acme:alice"});
    const bool added = env.emplace("MESH_TENANT", "acme").second;
    const int exit = mesh(std::move(arguments), input);
    if (added) env.erase("MESH_TENANT");
    return exit;
  }
  Json json() const { return Json::parse(out); }
  std::string file(const std::string& name, const std::string& text) {
    std::ofstream(dir.file(name), std::ios::binary) << text;
    return dir.file(name);
  }
  std::string contents(const std::string& name) {
    std::ifstream stream(dir.file(name));
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  test::TempDir dir;
  test::FakeMesh fake;
  std::map<std::string, std::string> env{{"XDG_CONFIG_HOME", dir.path()}};
  Terminal terminal;
  Clock* clock = &system_clock();
  std::string out, err;
};

}  // namespace mesh::cli
