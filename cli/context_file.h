// ~/.config/mesh/config.yaml: named places and identities.
//
//   current: prod
//   contexts:
//     prod:
//       server: https://mesh.example.org  # or data_dir, or endpoints: {users: …, gateway: …, …}
//       ca_file: /etc/mesh/ca.pem         # of server; client_cert and client_key: its client's
//       token: acme:alice
//       tenant: acme
//       output: table
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "common/base/error.h"

namespace mesh::cli {

struct NamedContext {
  std::optional<std::string> server, data_dir, token, tenant, output;
  std::optional<std::string> ca_file, client_cert, client_key;
  std::map<std::string, std::string> endpoints;  // role → URL
};

struct ContextFile {
  std::string current;  // may be empty
  std::map<std::string, NamedContext> contexts;
};

// $XDG_CONFIG_HOME/mesh/config.yaml, else $HOME/.config/mesh/config.yaml; empty where neither is
// set.
std::string context_file_path(const std::function<const char*(const char*)>& env);

// An empty one where the file is missing. `invalid` names the file and the key: unknown keys, wrong
// types, addresses that are not http(s) URLs.
Result<ContextFile> load_contexts(const std::string& path);
// Written beside and renamed, 0600, folders made 0700. `invalid` for an empty path; else errors as
// write_private_file's.
Status save_contexts(const std::string& path, const ContextFile& file);

// "http://host:port" of "host:port", or of an http(s) URL without a slash at its end; `invalid`
// otherwise.
Result<std::string> normal_url(const std::string& text);

}  // namespace mesh::cli
