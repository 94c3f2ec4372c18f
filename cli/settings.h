// Where the server is, who one is, how to print: from flags, environment, context and defaults.
#pragma once

#include <unistd.h>

#include <functional>
#include <optional>
#include <string>

#include "cli/context_file.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/client/client.h"

namespace mesh::cli {

// The global options as given on the command line.
struct Globals {
  std::optional<std::string> server, data_dir, context, token, tenant, output, timeout;
  std::optional<std::string> ca_file, client_cert, client_key;
  bool skip_tls_verify = false;
  bool no_progress = false;
  bool no_pager = false;
  bool yes = false;
  bool verbose = false;
};

enum class Format { table, wide, json, yaml, csv, name, help };
std::optional<Format> parse_format(std::string_view name);
// Their names, in the order in which they are offered.
const std::vector<std::string>& format_names();

// Where a setting was given.
enum class Level { none, flag, environment, context, found };

struct Origin {
  Level level = Level::none;
  std::string name;  // for people: "--token", "$MESH_TOKEN", "context prod"
};

struct Settings {
  client::Endpoints endpoints;
  Origin endpoints_from{Level::none, "the default addresses"};
  http::ClientTls tls;  // whom to believe, and the client's certificate
  std::string token;    // a tenant's, or the operator's when it was given by hand
  Origin token_from;
  std::string operator_token;  // read from the data folder
  std::string tenant;          // empty: none
  Origin tenant_from;
  std::string context;   // the active one's name; may be empty
  std::string data_dir;  // where run.json was found or looked for; may be empty
  Format format = Format::table;
  std::optional<Duration> timeout;  // as asked; commands have defaults of their own
};

// Only root can have made it, for the user of meshd's service.
inline constexpr const char* kSystemDataDir = "/var/lib/mesh";

// What resolving looks at, injected.
struct Surroundings {
  std::function<const char*(const char*)> env;
  std::vector<std::string> local_data_dirs = {"./mesh-data", kSystemDataDir};
  uid_t user = ::geteuid();
};

// Each setting by itself: flag, then $MESH_SERVER, $MESH_DATA_DIR, $MESH_CONTEXT, $MESH_TOKEN,
// $MESH_TENANT, $MESH_OUTPUT, $MESH_TIMEOUT, $MESH_CA_FILE, $MESH_CLIENT_CERT, $MESH_CLIENT_KEY,
// then the context, then the default. Addresses and data folder belong together: the first level
// that names either decides, and within a level a server's address comes before those of the
// folder's run.json; without any level, a run.json in one of local_data_dirs: the user's own or
// root's, for who makes one chooses where tokens go. The operator's token
// of a folder is used unless a level before the folder's names another server, and a context's
// token unless another level names the server in its place; so are its authority and its client's
// certificate: a credential goes only where it belongs. The meshd of a folder proves itself by the
// key that its run.json names, unless an authority is given. `invalid` for values that cannot be,
// `not_found` for a context that does not exist, `unavailable` for a folder given by name in which
// no meshd runs.
Result<Settings> resolve(const Globals& globals, const ContextFile& file,
                         const Surroundings& surroundings);

// True for "tenant:user" and for a JWT: tokens that open a tenant's routes only.
bool is_tenant_token(std::string_view token);
// The tenant and user that a token names ("tenant_id" and "sub" of a JWT, unverified).
struct TokenOwner {
  std::string tenant, user;
};
std::optional<TokenOwner> token_owner(std::string_view token);

// What the client needs of the settings.
client::Options client_options(const Settings& settings);

}  // namespace mesh::cli
