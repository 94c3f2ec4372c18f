// The tree of commands, and what stands behind each leaf.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <string>

#include "cli/render/view.h"
#include "cli/session.h"

namespace mesh::cli {

enum class Needs { server, nothing };

// What the tenant of --tenant, $MESH_TENANT or the context is to a verb. Each says it: a tenant
// that was asked for and does nothing would show more than was meant.
enum class TenantUse {
  unsaid,
  acts,       // the verb acts in it
  restricts,  // the verb shows and changes only what is this tenant's
  argument,   // the verb names its tenant by an argument: --tenant is refused
  none,       // what the verb is about belongs to no tenant: --tenant is refused
};

struct Verb {
  std::string name = {};
  std::string summary = {};   // one line, no full stop
  std::string details = {};   // further lines of the help; may be empty
  std::string examples = {};  // a command a line; lines that do not begin with "mesh" explain
  TenantUse tenant = TenantUse::unsaid;
  const View* view = nullptr;  // of what it prints; static storage
  std::function<Outcome(Session&)> run = {};
  Needs needs = Needs::server;
  bool keeps_output = false;  // --output is not for this run: it is stored
};

// `invalid` where --tenant names a tenant and the verb has no use for it; those of $MESH_TENANT and
// of a context, which are not meant for one command, are passed over there. --tenant= names none.
Status check_tenant_flag(const Verb& verb, const std::string& path, const Globals& globals);

// A check that refuses with the words that the server has for the same parameter.
CLI::Validator whole_number(std::int64_t low, std::int64_t high);
CLI::Validator number_between(double low, double high);
CLI::Validator true_or_false();

// Owns nothing of CLI11: the tree is the root's.
class Commands {
 public:
  explicit Commands(CLI::App& root) : root_(root) {}

  CLI::App& root() { return root_; }
  // A group such as "users", listed in the overview under `purpose`.
  CLI::App& group(const std::string& name, const std::string& summary, const std::string& purpose);
  // A verb of a group, or one right below the root, then with its purpose.
  CLI::App& verb(CLI::App& parent, Verb verb, const std::string& purpose = "Commands");
  // nullptr for the root and for groups.
  const Verb* find(const CLI::App* app) const;
  const std::map<const CLI::App*, Verb>& all() const { return verbs_; }

 private:
  CLI::App& root_;
  std::map<const CLI::App*, Verb> verbs_;
};

// Every group of commands; each adds itself to the tree.
void add_users(Commands& commands);
void add_search(Commands& commands);
void add_watch(Commands& commands);
void add_events(Commands& commands);
void add_trace(Commands& commands);
void add_explain(Commands& commands);
void add_topics(Commands& commands);
void add_members(Commands& commands);
void add_groups(Commands& commands);
void add_config(Commands& commands);
void add_logs(Commands& commands);
void add_console(Commands& commands);
void add_dlq(Commands& commands);
void add_ratelimit(Commands& commands);
void add_usage(Commands& commands);
void add_tenants(Commands& commands);
void add_verify_receipt(Commands& commands);
void add_types(Commands& commands);
void add_apply(Commands& commands);
void add_index(Commands& commands);
void add_model(Commands& commands);
void add_tasks(Commands& commands);
void add_backup(Commands& commands);
void add_migrate(Commands& commands);
void add_deploy(Commands& commands);
void add_token(Commands& commands);
void add_context(Commands& commands);
void add_check(Commands& commands);
void add_bundle(Commands& commands);
void add_bench(Commands& commands);
void add_doctor(Commands& commands);
void add_completion(Commands& commands);
void add_version(Commands& commands);
void add_help(Commands& commands);

// The purposes of the overview, in its order.
namespace purpose {
inline constexpr const char* kData = "Users and events";
inline constexpr const char* kOperate = "Operate the mesh";
inline constexpr const char* kTenancy = "Tenants and limits";
inline constexpr const char* kHealth = "Health";
inline constexpr const char* kSetup = "This tool";
}  // namespace purpose

}  // namespace mesh::cli
