// A typed client of meshd's own HTTP API, for the CLI and for end-to-end tests.
//
//   client::Client mesh({.endpoints = client::Endpoints::all("http://127.0.0.1:9090"),
//                        .token = "acme:alice"});
//   auto user = mesh.create_user({"alice@acme.dev", "Alice"});
//
// Every call blocks and may be made from any thread. Statuses of 300 and more become errors (see
// problem.h); `unavailable` where nobody answers; `internal` for an answer that is not of the
// expected form; `timeout` beyond Options::timeout or deadline; `too_large` for an answer over 64
// MiB. Nothing is retried here: whoever calls knows what may be repeated.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/client/positions.h"
#include "common/domain/search.h"
#include "common/domain/user.h"
#include "common/http/client.h"

namespace mesh::client {

enum class Role { users, gateway, publisher, subscriber, admin };
inline constexpr Role kRoles[] = {Role::users, Role::gateway, Role::publisher, Role::subscriber,
                                  Role::admin};
std::string_view to_string(Role role);
std::optional<Role> parse_role(std::string_view name);

// A base URL per role, without a slash at the end; empty where none is known.
struct Endpoints {
  std::string users = "http://127.0.0.1:8081";
  std::string gateway = "http://127.0.0.1:8090";
  std::string publisher = "http://127.0.0.1:8000";
  std::string subscriber = "http://127.0.0.1:8001";
  std::string admin = "http://127.0.0.1:9090";

  static Endpoints all(const std::string& url);  // one address serves every role
  static Endpoints none();
  std::string& of(Role role);
  const std::string& of(Role role) const { return const_cast<Endpoints*>(this)->of(role); }
};

// One exchange, for a protocol on the terminal. Neither credentials nor bodies are in it.
struct Exchange {
  std::string method, url, request_id;
  int status = 0;  // 0: nobody answered
  Duration took{0};
};

struct Options {
  Endpoints endpoints = {};
  std::string token = {};           // for tenants' routes
  std::string operator_token = {};  // for /admin/v1, and for tenants' routes where `token` is empty
  std::string tenant = {};          // sent as X-Tenant-Id where it is not empty
  Duration timeout{30'000};         // of one exchange, beside what a call waits for by itself
  // No exchange goes on beyond it, and none begins; nothing: there is none.
  std::optional<SteadyTime> deadline = {};
  std::string user_agent = "mesh";
  http::ClientTls tls = {};
  std::function<void(const Exchange&)> observe = {};  // from the calling thread
};

// A name → value list of a query; values are encoded, empty ones left out.
using Query = std::vector<std::pair<std::string, std::string>>;

// A stream of server-sent events.
struct StreamQuery {
  Role role = Role::gateway;
  std::string path;  // encoded
  Query parameters = {};
  std::string last_event_id = {};  // to go on behind an earlier stream; empty: from now on
};

struct WriteOptions {
  std::string idempotency_key = {};  // printable ASCII; empty: none
  std::string tenant = {};  // for the operator, whose Options::tenant is empty: whom to act for
  // Answer once the events are "log", "searchable" or "counted"; empty: the most that they become,
  // where there is a wait, else at once.
  std::string ack = {};
  std::optional<std::int64_t> wait_seconds = {};  // for at most so long, and the server's bound
};
// What a write answered beside its own.
struct Written {
  std::string position = {};  // for SearchOptions::min_position
  std::string pending = {};   // what it waited for and did not see in time; empty: it saw all
  std::int64_t waited = 0;    // for how many seconds it could have waited
};

struct UserPage {
  std::vector<User> users;
  std::string next;  // for UserQuery::page; empty at the end
};
struct UserQuery {
  int limit = 100;
  std::string email = {};
  std::string page = {};  // UserPage::next; the other members do not count then
};
struct CreatedUser {
  User user;
  bool replayed = false;  // the stored answer of an earlier request with this idempotency key
  Written written = {};
};
struct UpdatedUser {
  User user;
  Written written = {};
};

// What becomes of users whose address the tenant has, and whether anything is changed at all.
struct BatchOptions {
  bool update = false;  // they take the given name
  bool dry_run = false;
};
enum class BatchOutcome { created, existing, updated, failed };
struct BatchResult {
  BatchOutcome outcome = BatchOutcome::failed;
  std::optional<Error> error = {};  // of a failed one
};
struct CreatedUsers {
  std::vector<BatchResult> results;  // in the order of the users
  Written written = {};
};

struct SearchOptions {
  std::optional<double> min_score = {};       // nothing: the server's own
  std::optional<double> semantic_ratio = {};  // likewise
  std::string min_position = {};              // wait until the search sees this write
  std::optional<std::int64_t> wait_seconds = {};
};

struct PublishedEvents {
  std::vector<std::string> ids;  // in the order of the events
  Written written = {};
};

struct RecordQuery {
  std::string topic = {};
  std::string from = {};     // a bound; not with positions
  Positions positions = {};  // partition → offset
  int limit = 100;           // 1…1000
  std::string tenant = {}, type = {}, key = {};
  int wait_seconds = 0;  // 0…25
};
struct RecordPage {
  std::vector<Json> records;
  Positions next;
};

// Records of several topics in one request.
struct FollowQuery {
  std::vector<std::string> topics = {};  // none: all but those of dead letters
  std::string from = {};                 // a bound; not with cursor
  std::string cursor = {};               // FollowPage::next, or of format_log_cursor
  int limit = 100;                       // 1…1000
  std::string tenant = {}, type = {}, key = {};
  int wait_seconds = 0;  // for the first record, 0…25
};
struct FollowPage {
  std::vector<Json> records;
  std::string next;
};

struct ChangedTenant {
  Json tenant;  // its record as it is now
  Written written = {};
};
struct MendedLetter {
  std::string id;  // of the event that went back
  Written written = {};
};

struct LetterFilter {
  std::string tenant = {}, cause = {}, id = {};
};
struct ReplayRequest {
  std::string topic = {}, pipeline = {}, from = {}, to = {}, tenant = {}, type = {};
  std::optional<int> partition = {};
  bool dry_run = false;
};
struct SeekRequest {
  std::string to = {}, topic = {};
  std::optional<int> partition = {};
  bool dry_run = false;
};

struct RedriveOptions {
  // For how long the task waits for what becomes of the events; else as long as the server means.
  std::optional<std::int64_t> wait_seconds = {};
  std::optional<std::int64_t> rate = {};  // letters a second, at most
};

// How far work is that the caller does.
struct TaskReport {
  std::int64_t done = 0, total = 0;  // total: an estimate; 0: unknown
  Json result = Json::object();      // counts
};
struct TaskPage {
  std::vector<Json> tasks;
  std::string version;
};

// An answer as it came, for health checks.
struct Answer {
  int status = 0;
  std::string body;
  std::optional<std::string> date;  // the header
};

class Client {
 public:
  explicit Client(Options options);
  ~Client();
  Client(Client&&) noexcept;
  const Options& options() const;

  // Users.
  Result<CreatedUser> create_user(const NewUser& user, const WriteOptions& write = {});
  // At most 1,000, in their order; a result for each. Repeated with the same key and users it
  // creates nothing twice. `too_large` where the tenant's rate limit lets no so many through at
  // once.
  Result<CreatedUsers> create_users(const std::vector<NewUser>& users,
                                    const BatchOptions& batch = {}, const WriteOptions& write = {});
  Result<UserPage> list_users(const UserQuery& query = {});
  Result<User> get_user(std::int64_t id);
  Result<UpdatedUser> update_user(std::int64_t id, const UserPatch& patch,
                                  const WriteOptions& write = {});
  Result<Written> delete_user(std::int64_t id, const WriteOptions& write = {});

  // Search: best first. `unavailable` where it does not see min_position in time.
  Result<std::vector<SearchHit>> search(const std::string& text, int limit,
                                        const SearchOptions& search = {});

  // Search over events of a type: best first, as {"event_id","score",…}.
  struct EventQuery {
    std::string type, text, filter = {}, from = {}, to = {};
    int limit = 10;
    std::optional<double> min_score = {}, semantic_ratio = {};
  };
  struct EventHits {
    std::vector<Json> hits;
    std::string vectors;  // why words searched alone; empty where they did not
  };
  Result<EventHits> search_events(const EventQuery& query);
  // The stream of those that come; `limit` and times do not count.
  static StreamQuery watch_of(const EventQuery& query);

  // Events. One CloudEvents object.
  Result<PublishedEvents> publish(const Json& cloud_event, const WriteOptions& write = {});
  // NDJSON, a CloudEvents object a line: all or nothing. An `unprocessable` error has pointers
  // "/<line, from 1>/…".
  Result<PublishedEvents> publish_bulk(std::string ndjson, const WriteOptions& write = {});

  // Topics and records.
  Result<std::vector<Json>> topics();
  Result<Json> topic(const std::string& name);
  Result<RecordPage> records(const RecordQuery& query);
  Result<FollowPage> follow(const FollowQuery& query);
  Result<Json> event(const std::string& id, const std::string& topic = {},
                     const std::string& tenant = {});
  // Where an event is; `from` is a bound, for ids that tell no time.
  Result<Json> trace(const std::string& id, const std::string& topic = {},
                     const std::string& from = {}, const std::string& tenant = {});
  // Why a search of the tenant does not find a user, named by id or e-mail address. Of now: it
  // waits for no position.
  Result<Json> why_not(const std::string& tenant, const std::string& text, int limit,
                       const SearchOptions& search, const std::string& who);
  // Where an e-mail address exists, across tenants.
  Result<std::vector<Json>> explain_users(const std::string& email);

  // Consumer groups.
  Result<std::vector<Json>> groups();
  Result<Json> group(const std::string& name);
  Status delete_group(const std::string& name);
  // {"group","partitions"}, or the task that moves it ("id").
  Result<Json> seek_group(const std::string& name, const SeekRequest& request);

  // Dead letters. Redrive and purge answer {"matching"} for a dry run, else the task.
  Result<std::vector<Json>> dead_letter_topics(const std::string& tenant = {});
  // Groups of one cause and tenant, those with the most letters first; empty texts restrict
  // nothing.
  Result<std::vector<Json>> dead_letter_causes(const std::string& topic, const std::string& cause,
                                               const std::string& tenant, int limit);
  Result<std::vector<Json>> dead_letters(const std::string& topic, const LetterFilter& filter,
                                         int limit);
  Result<Json> redrive(const std::string& topic, const LetterFilter& filter, bool dry_run,
                       const RedriveOptions& options = {});
  Result<Json> purge(const std::string& topic, const LetterFilter& filter, bool dry_run);
  // Puts an event, JSON text as a letter shows it, in the place of the letter's, which is settled;
  // `conflict` for a letter that is settled already.
  Result<MendedLetter> mend(const std::string& topic, std::int64_t partition, std::int64_t offset,
                            std::string event, const WriteOptions& write = {});

  // Rate limits. `policy` is {"rate","per","burst"}.
  Result<std::vector<Json>> rate_limits(const std::string& tenant);
  Result<Json> rate_limit(const std::string& tenant, const std::string& scope);
  Result<Json> set_rate_limit(const std::string& tenant, const std::string& scope,
                              const Json& policy);
  Result<Json> default_rate_limit(const std::string& tenant, const std::string& scope);
  Result<Json> reset_rate_limit(const std::string& tenant, const std::string& scope);

  // Tenants. At most `limit`; 0: all; or only the one named.
  Result<std::vector<Json>> tenants(int limit = 0, const std::string& only = {});
  Result<ChangedTenant> create_tenant(const Json& tenant, const WriteOptions& write = {});
  Result<Json> tenant(const std::string& id);
  Result<ChangedTenant> update_tenant(const std::string& id, const Json& patch,
                                      const WriteOptions& write = {});
  // All that is said of the tenant, in place of its record at this version; `conflict` at another.
  Result<ChangedTenant> replace_tenant(const std::string& id, const Json& record,
                                       std::int64_t at_version, const WriteOptions& write = {});
  Result<Written> delete_tenant(const std::string& id, const WriteOptions& write = {},
                                std::optional<std::int64_t> only_at = {});
  // {"quota","limit","used","ends"} each
  Result<std::vector<Json>> quotas(const std::string& tenant);
  // A tenant's own event types: {"type","topic","schema"} each; of one that is registered with
  // "outcome".
  Result<std::vector<Json>> types(const std::string& tenant);
  Result<Json> type(const std::string& tenant, const std::string& name);
  Result<Json> register_type(const std::string& tenant, const std::string& name, const Json& schema,
                             bool dry_run);
  Status delete_type(const std::string& tenant, const std::string& name);
  // {"by","since","until","items"}: what tenants used over time; of `own`, what the credential's
  // tenant did, else the operator's look at `tenant`, or at all where it is empty.
  struct UsageQuery {
    std::string since = {}, until = {}, by = {}, tenant = {};
    bool own = false;
  };
  Result<Json> usage_totals(const UsageQuery& query);
  // {"window_seconds","sort","tenants":[…]}: who used most of `sort` within `window`; of all, or
  // what one tenant used.
  Result<Json> usage(const std::string& window, const std::string& sort, int limit,
                     const std::string& tenant = {});

  // The user index.
  Result<std::vector<Json>> indexes();
  // The task, or with "dry_run" what it would build; `asked` as the route has it.
  Result<Json> rebuild_index(const Json& asked = Json::object());
  Status rollback_index();
  Status serve_index(std::int64_t generation);
  Status drop_index(std::int64_t generation);
  Result<Json> compare_indexes(const Json& asked);
  Result<Json> verify_index();

  // The indexes of events, by type. `asked` as the route has it: {"type","embedder","model"}.
  Result<std::vector<Json>> event_indexes();
  Result<Json> rebuild_event_index(const Json& asked);
  Status rollback_event_index(const std::string& type);

  // The task that erases what is kept of a tenant or, with `subject`, of one of its users;
  // `dry_run`: that counts it.
  Result<Json> purge_tenant(const std::string& tenant, const std::string& subject, bool dry_run);
  // Checks {"receipt","signature"} with the server's key; the task that counts again.
  Result<Json> verify_receipt(const Json& signed_receipt);

  // The task; `path` is absolute, on the server's machine.
  Result<Json> back_up(const std::string& path);

  // Replay: {"scanned",…} for a dry run, else the task.
  Result<Json> replay(const ReplayRequest& request);

  // Tasks, or those about one tenant's events alone; a get with wait answers when the task ends, at
  // the latest after that many seconds.
  Result<std::vector<Json>> tasks(int limit, const std::string& tenant = {});
  // Likewise, answered once the list is another than that of the version `seen`, at the latest
  // after so many seconds.
  Result<TaskPage> watch_tasks(int limit, const std::string& tenant, const std::string& seen,
                               int wait_seconds);
  Result<Json> task(const std::string& id, int wait_seconds = 0);
  Result<Json> cancel_task(const std::string& id);
  // Work that the caller does, as a task: the task, whether to stop since it was cancelled, the
  // task at its end. It reports at the latest each minute. `state` is done, failed, with `error`,
  // or cancelled; said again it changes nothing.
  Result<Json> begin_task(const std::string& kind, const Json& spec);
  Result<bool> report_task(const std::string& id, const TaskReport& report);
  Result<Json> end_task(const std::string& id, const TaskReport& report, const std::string& state,
                        const std::string& error = {});

  Result<std::vector<Json>> members();
  // {"code","expires_in","path","url"}: begins one session of the web console, where `url` leads.
  Result<Json> console_code(bool read_only, bool hides_payloads);
  Result<Json> config();
  // {"key","value","default","origin","where","variables","description","reload","pending"} each
  Result<std::vector<Json>> settings();
  // {"server","about","ok","detail","advice"} each
  Result<std::vector<Json>> servers();
  // The last lines of the log, the oldest first.
  Result<std::vector<Json>> log_lines();
  Result<std::vector<Json>> check();  // {"name","ok","detail"} each

  // Reads a stream until `on_event` answers false or `stop`, asked several times a second, true; or
  // until the server ends it. Options::timeout is for its head alone. Comes back with what to go on
  // with: whether and when to ask again is the caller's. Errors as of every call, and `unavailable`
  // where the stream is cut off, `timeout` where it fell silent; `last_id`, where it is not null,
  // is set with each event, and holds also then.
  struct StreamEnd {
    bool stopped = false;           // by on_event or stop
    std::optional<Duration> retry;  // after how long the server wishes to be asked again
  };
  Result<StreamEnd> stream(const StreamQuery& query,
                           const http::EventStreamReader::OnEvent& on_event,
                           const std::function<bool()>& stop = {}, std::string* last_id = nullptr);

  // GET of an open route such as "/readyz": any status is an answer.
  Result<Answer> probe(Role role, const std::string& path);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mesh::client
