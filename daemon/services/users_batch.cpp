#include "daemon/services/users_batch.h"

#include <algorithm>
#include <functional>
#include <latch>
#include <map>

#include "common/base/strings.h"
#include "daemon/pipeline/groups.h"
#include "daemon/services/api_parts.h"
#include "daemon/services/common.h"

namespace mesh::services {
namespace {

constexpr std::size_t kMaxRows = 1000;
constexpr int kMostNamed = 5;              // users of one address, in a message
constexpr std::size_t kMaxKeyBytes = 200;  // of the request; a row's has its line besides

// Between a batch's key and a line's number: no key that a client may send has it, so that no
// line's key is another request's.
constexpr char kLineMark = '\n';

enum class Existing { keep, update };

struct Row {
  std::int64_t line = 0;
  std::string text;
  Result<NewUser> user;
  const char* outcome = "failed";
  std::int64_t id = 0;
  std::optional<Error> error = {};
  std::optional<ClaimedKey> claim = {};
};

// The row's own fault; anything else concerns the request as a whole.
bool is_of_row(const Error& error) {
  return error.kind == ErrorKind::invalid || error.kind == ErrorKind::unprocessable ||
         error.kind == ErrorKind::conflict || error.kind == ErrorKind::too_large ||
         error.kind == ErrorKind::not_found;
}

Result<NewUser> read_user(const http::Request& request, std::string_view line) {
  auto json = MESH_TRY(parse_json(line));
  if (json.is_object()) {
    MESH_TRY(same_tenant(request, json));
  }
  return new_user_from_json(json);
}

Result<std::vector<Row>> read_rows(const http::Request& request) {
  const std::string media = request.content_type();
  if (media != "application/x-ndjson" && media != "application/ndjson" &&
      media != "application/jsonl") {
    return fail(ErrorKind::unsupported, "send lines of users as application/x-ndjson");
  }
  std::vector<Row> rows;
  std::string_view rest = request.body;
  for (std::int64_t number = 1; !rest.empty(); ++number) {
    const auto end = rest.find('\n');
    const std::string_view line = trim(without_bom(rest.substr(0, end)));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (line.empty()) continue;
    if (rows.size() == kMaxRows) {
      return fail(ErrorKind::too_large,
                  "over " + std::to_string(kMaxRows) + " users in one request; send fewer");
    }
    auto user = read_user(request, line);
    // Such as a user of another tenant: it refuses the request, and not the line alone.
    if (!user && !is_of_row(user.error())) return fail(user.error());
    rows.push_back({number, std::string(line), std::move(user)});
  }
  if (rows.empty()) return fail(ErrorKind::invalid, "the body has no users");
  return rows;
}

// One request. Runs on a thread that may wait.
class Batch {
 public:
  Batch(UserStore& users, IdempotencyStore& idempotency, const http::Request& request,
        std::vector<Row> rows, Existing existing)
      : users_(users),
        idempotency_(idempotency),
        request_(request),
        rows_(std::move(rows)),
        existing_(existing) {}

  ~Batch() {
    // Also the claims of created users, whose answers the store has kept already. Effect::possible
    // leaves a claim's note, and these have none.
    for (const Row& row : rows_) {
      if (row.claim) idempotency_.release(*row.claim, Effect::possible, [](const Status&) {});
    }
  }

  // `spend` is asked, once, for what all lines together may use that are not answered already.
  Status run(const std::string& key, const std::function<Status(std::int64_t lines)>& spend) {
    if (!key.empty()) {
      MESH_TRY(claim(key));
    }
    const auto lines = std::ranges::count_if(rows_, [&](const Row& row) { return is_open(row); });
    if (lines == 0) return {};
    MESH_TRY(spend(lines));
    MESH_TRY(create());
    return treat_existing();
  }

  Status rehearse() {
    for (Row& row : rows_) {
      if (!row.user) continue;
      const auto found = MESH_TRY(find(row));
      if (row.error) continue;
      row.outcome = !found ? "created" : outcome_of(*found, *row.user);
      if (found) row.id = found->id;
    }
    return {};
  }

  std::uint64_t changes() const { return changes_; }
  std::uint64_t created() const { return created_; }
  const WritePosition& position() const { return written_; }

  Json results() const {
    Json results = Json::array();
    for (const Row& row : rows_) {
      Json result{{"line", row.line}, {"outcome", row.outcome}};
      const Error* error = row.error ? &*row.error : row.user ? nullptr : &row.user.error();
      if (error == nullptr) {
        if (row.id != 0) result["id"] = row.id;
      } else {
        result["status"] = http::status_of(error->kind);
        result["detail"] = error->message;
        Json errors = Json::array();
        for (const auto& field : error->fields)
          errors.push_back({{"pointer", field.pointer}, {"detail", field.detail}});
        if (!errors.empty()) result["errors"] = std::move(errors);
      }
      results.push_back(std::move(result));
    }
    return results;
  }

 private:
  const TenantId& tenant() const { return request_.tenant(); }
  ChangeContext context(std::optional<ClaimedKey> claim) const {
    return {.traceparent = request_.trace.traceparent(),
            .claim = std::move(claim),
            .answer =
                [](const ChangedUser& user) {
                  auto made = http::Response::json_text(201, to_json_text(user));
                  return stored_answer(
                      with_position(std::move(made), place_of_change(user.event, user.id)));
                },
            .tracestate = request_.trace.state,
            .extensions = acceptance(request_)};
  }
  // A row that is settled has an id or an error; in_order submits the others.
  bool is_open(const Row& row) const { return row.user && row.id == 0 && !row.error; }

  const char* outcome_of(const User& found, const NewUser& wanted) const {
    return existing_ == Existing::update && found.name != wanted.name ? "updated" : "existing";
  }

  // The user of the row's address. Of two, whom an older program told apart, none is meant more
  // than the other where one of them would change: that is the row's error.
  Result<std::optional<User>> find(Row& row) {
    auto found = MESH_TRY(users_.list(tenant(), 0, kMostNamed + 1, row.user->email));
    if (found.empty()) return std::nullopt;
    if (found.size() > 1 && existing_ == Existing::update) {
      std::string ids;
      for (std::size_t i = 0; i < found.size() && i < kMostNamed; ++i)
        ids += (i == 0 ? "" : ", ") + std::to_string(found[i].id);
      if (found.size() > kMostNamed) ids += ", …";
      row.outcome = "failed";
      row.error = Error{ErrorKind::conflict,
                        "more than one user has this address (ids " + ids +
                            "): change the one that is meant by its id",
                        {},
                        {},
                        {}};
    }
    return std::move(found.front());
  }

  // Claims the rows' keys, or takes the answers that are stored under them.
  Status claim(const std::string& key) {
    std::vector<Row*> rows;
    for (Row& row : rows_) {
      if (row.user) rows.push_back(&row);
    }
    std::vector<Result<Claim>> claims(rows.size());
    // Each completion writes a place of its own, and the latch orders them all before the reading
    // below: no lock is needed.
    std::latch left(static_cast<std::ptrdiff_t>(rows.size()));
    const auto key_of = [&](const Row& row) {
      return IdempotencyKey{tenant(), key + kLineMark + std::to_string(row.line),
                            sha256_hex("POST /users/batch " + row.text).substr(0, 32)};
    };
    for (std::size_t i = 0; i < rows.size(); ++i) {
      // No note: the user and its answer are one transaction, so that nothing ends in between.
      idempotency_.begin(key_of(*rows[i]), kClaimLease, false, [&, i](Result<Claim> claim) {
        claims[i] = std::move(claim);
        left.count_down();
      });
    }
    left.wait();
    Status all;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      // Goes on after an error: the destructor releases only the claims that the rows know.
      if (auto taken = take(*rows[i], key_of(*rows[i]), claims[i]); !taken && all) all = taken;
    }
    return all;
  }

  Status take(Row& row, IdempotencyKey key, const Result<Claim>& claim) {
    // Held by an earlier try of this request that still runs: worth another one.
    if (!claim && claim.error().kind == ErrorKind::conflict) {
      return fail({ErrorKind::unavailable, claim.error().message, {}, {}, Duration{1000}});
    }
    if (!claim) return fail(claim.error());
    if (claim->state != Claim::State::answered) {
      row.claim = ClaimedKey{std::move(key), claim->token};
      return {};
    }
    for (const auto& [name, text] : claim->answer.headers) {
      // Where the first try wrote it: the repeated request may wait for that, too.
      const auto position = parse_write_position(text);
      if (name != kPositionHeader || !position) continue;
      for (const auto number : {position->outbox.first, position->outbox.last}) {
        written_.outbox.add(number);
      }
      for (const auto number : {position->users.first, position->users.last}) {
        written_.users.add(number);
      }
    }
    const auto json = parse_json(claim->answer.body);
    auto user = json ? user_from_json(*json) : Result<User>(fail(json.error()));
    if (!user) return fail(ErrorKind::internal, "a stored answer is not a user");
    row.outcome = "created";
    row.id = user->id;
    return {};
  }

  // Submits all that is open in the order of the lines, waits, and tells each row's end. The first
  // error that is no row's own ends the request.
  template <typename Submit, typename Done>
  Status in_order(const Submit& submit, const Done& on_done) {
    std::vector<std::optional<Result<ChangedUser>>> done(rows_.size());
    std::vector<std::size_t> sent;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (is_open(rows_[i])) sent.push_back(i);
    }
    std::latch left(static_cast<std::ptrdiff_t>(sent.size()));
    for (const std::size_t i : sent) {
      submit(rows_[i], [&done, &left, i](Result<ChangedUser> user) {
        done[i] = std::move(user);
        left.count_down();
      });
    }
    left.wait();
    Status all;
    for (const std::size_t i : sent) {
      if (*done[i]) {
        note(**done[i]);
        on_done(rows_[i], **done[i]);
      } else if (is_of_row(done[i]->error())) {
        rows_[i].outcome = "failed";
        rows_[i].error = done[i]->error();
      } else if (all) {
        all = fail(done[i]->error());
      }
    }
    return all;
  }

  void note(const ChangedUser& user) {
    if (user.event == 0) return;
    written_.outbox.add(user.event);
    written_.users.add(user.id);
  }

  Status create() {
    return in_order(
        [&](const Row& row, UserDone done) {
          users_.create(tenant(), *row.user, context(row.claim), std::move(done));
        },
        [&](Row& row, const User& user) {
          row.outcome = "created";
          row.id = user.id;
          ++changes_;
          ++created_;
        });
  }

  // Of two lines with one address the later counts, as in two requests.
  Status treat_existing() {
    std::map<std::int64_t, std::string> names;  // as they will be behind the rows before
    for (Row& row : rows_) {
      // A conflict is how create says that the tenant has the address.
      if (!row.error || row.error->kind != ErrorKind::conflict) continue;
      row.error.reset();
      auto found = MESH_TRY(find(row));
      if (row.error) continue;
      if (!found) {
        row.error = Error{ErrorKind::conflict,
                          "the user of this address was deleted meanwhile: send it again",
                          {},
                          {},
                          {}};
        continue;
      }
      User& user = *found;
      user.name = names.try_emplace(user.id, user.name).first->second;
      row.outcome = outcome_of(user, *row.user);
      if (existing_ == Existing::keep || user.name == row.user->name) {
        row.id = user.id;
        continue;
      }
      updated_[row.line] = user.id;
      names[user.id] = row.user->name;
    }
    return in_order(
        [&](const Row& row, UserDone done) {
          // Not remembered under the key: a repeated request sets the name anew, if it is another
          // by then.
          users_.update(tenant(), updated_.at(row.line), {{}, row.user->name}, context({}),
                        std::move(done));
        },
        [&](Row& row, const User& user) {
          row.id = user.id;
          ++changes_;
        });
  }

  UserStore& users_;
  IdempotencyStore& idempotency_;
  const http::Request& request_;
  std::vector<Row> rows_;
  const Existing existing_;
  std::map<std::int64_t, std::int64_t> updated_;  // line → the id whose name changes
  std::uint64_t changes_ = 0, created_ = 0;
  WritePosition written_;
};

Result<bool> flag_param(const http::Request& request, std::string_view name, std::string_view off,
                        std::string_view on) {
  const auto text = request.param(name);
  if (!text || *text == off) return false;
  if (*text == on) return true;
  return fail(ErrorKind::invalid, "query parameter " + std::string(name) + ": \"" +
                                      std::string(*text) + "\" is not " + std::string(off) +
                                      " or " + std::string(on));
}

Result<http::Response> answer(UserStore& users, IdempotencyStore& idempotency, Admission& admission,
                              Usage& usage, const http::Request& request) {
  const bool update = MESH_TRY(flag_param(request, "existing", "keep", "update"));
  const bool dry_run = MESH_TRY(flag_param(request, "dry_run", "false", "true"));
  auto key = MESH_TRY(idempotency_key(request));
  if (key && key->size() > kMaxKeyBytes) {
    return fail(ErrorKind::invalid, "Idempotency-Key must be at most " +
                                        std::to_string(kMaxKeyBytes) + " characters here");
  }
  auto rows = MESH_TRY(read_rows(request));
  // The chain took the unit of the first line.
  const auto more = static_cast<std::int64_t>(rows.size()) - 1;
  MESH_TRY(admission.charge(*request.principal, "users", more));
  Batch batch(users, idempotency, request, std::move(rows),
              update ? Existing::update : Existing::keep);
  const auto bytes = static_cast<std::int64_t>(request.body.size());
  std::optional<QuotaKeeper::Taken> taken;
  const auto spend = [&](std::int64_t lines) -> Status {
    taken.emplace(MESH_TRY(admission.spend(
        *request.principal, {.events = lines, .bytes = bytes, .users = lines, .embeds = true})));
    return {};
  };
  const Status done = dry_run ? batch.rehearse() : batch.run(key.value_or(""), spend);
  // Also where the request fails: other lines may have changed their users.
  if (batch.changes() > 0) {
    usage.add(request.tenant().str(),
              {{Use::events, batch.changes()}, {Use::bytes, request.body.size()}});
  }
  if (taken) {
    // Less the lines whose users were there, or that are refused.
    taken->settle({.events = static_cast<std::int64_t>(batch.changes()),
                   .bytes = batch.changes() == 0 ? 0 : bytes,
                   .users = static_cast<std::int64_t>(batch.created())});
  }
  MESH_TRY(done);
  return with_position(http::Response::json(200, {{"results", batch.results()}}), batch.position());
}

}  // namespace

http::Route users_batch_route(UserStore& users, IdempotencyStore& idempotency, Admission& admission,
                              Usage& usage, WriteWaits& waits) {
  http::Route route{
      .method = "POST",
      .pattern = "/users/batch",
      .access = http::Access::tenant,
      .scope = "users",
      .body = http::Body::bulk,
      .pool = http::Pool::slow,
      .operation = "createUsers",
      .tag = "users",
      .summary = "Creates users from lines, each with an outcome of its own",
      .details =
          "Each line of the body is a JSON object such as the body of `createUser`, at most " +
          std::to_string(kMaxRows) +
          " of them. They are taken in their order, so ids rise with the lines; a line that "
          "is refused leaves the others. Costs a unit of the rate limit a line.",
      .parameters = {api::query("existing",
                                "What becomes of a line whose address the tenant has: it stays as "
                                "it is, or gets the line's name.",
                                api::one_of({"keep", "update"}, "keep")),
                     api::query("dry_run", "Tell what would be, and change nothing.",
                                {{"type", "boolean"}, {"default", false}}),
                     api::idempotency_key(kMaxKeyBytes)},
      .request = api::lines(R"({"email":"ada@acme.dev","name":"Ada Lovelace"})"),
      .answers = {api::gives("BatchResults", "What became of each line, once it is durable.")},
      .problems = {422},
      .handler = [&](auto request, auto respond) {
        auto held = waits.hold(*request, {pipeline::kUserIndex.done}, respond);
        if (!held) return respond(held.error());
        auto answered = answer(users, idempotency, admission, usage, *request);
        answered ? (*held)(std::move(*answered)) : respond(answered.error());
      }};
  return api::held(std::move(route), {pipeline::kUserIndex.done}, "PendingBatch");
}

}  // namespace mesh::services
