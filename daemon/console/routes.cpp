#include "daemon/console/routes.h"

#include <algorithm>
#include <map>

#include "common/base/json_members.h"
#include "common/base/strings.h"
#include "common/base/time.h"
#include "common/http/content_coding.h"
#include "common/http/syntax.h"
#include "common/telemetry/log.h"
#include "daemon/console/tries.h"
#include "daemon/services/api_parts.h"
#include "daemon/services/common.h"

namespace mesh::console {
namespace {

namespace api = services::api;
using http::Response;

constexpr std::string_view kPage = "index.html";
// Nothing but what meshd serves itself, and no page of others around it.
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

struct File {
  Asset asset;
  std::string plain;  // for who takes no gzip
};

struct State {
  Deps deps;
  std::map<std::string, File, std::less<>> files;
  std::unique_ptr<SignInTries> tries;
};

Response not_here(const State& state) {
  return Response::problem(404, state.deps.config.enabled
                                    ? "This meshd was built without its console: node.js 18.20 "
                                      "or newer, npm or its packages were not there."
                                    : "The console is turned off: console.enabled is false.");
}

Response file(const State& state, const http::Request& request, std::string_view name) {
  const auto it = state.files.find(name);
  if (it == state.files.end()) {
    return state.files.empty() ? not_here(state)
                               : Response::problem(404, "The console has no such file.");
  }
  const Asset& asset = it->second.asset;
  const bool gzip = http::weight_of(request.header("Accept-Encoding").value_or(""), "gzip") > 0;
  // Of the coded bytes; the plain ones are another representation, with a tag of its own.
  const std::string tag =
      gzip ? std::string(asset.etag)
           : std::string(asset.etag.substr(0, asset.etag.size() - 1)) + "-plain\"";
  const auto seen = request.header("If-None-Match").value_or("");
  Response answer{304, {}, {}, {}};
  if (!std::ranges::any_of(split(seen, ','), [&](const auto& one) { return trim(one) == tag; })) {
    answer = Response::text(200, gzip ? std::string(asset.gzip) : it->second.plain, asset.media);
    if (gzip) answer.headers.emplace_back("Content-Encoding", "gzip");
  }
  return std::move(answer)
      .with("ETag", tag)
      .with("Vary", "Accept-Encoding")
      .with("Cache-Control", name == kPage ? "no-cache" : "public, max-age=31536000, immutable")
      .with("Content-Security-Policy", kPolicy)
      .with("Referrer-Policy", "no-referrer")
      .with("Cross-Origin-Opener-Policy", "same-origin");
}

Json session_json(const State& state, const std::optional<Session>& session) {
  const auto& config = state.deps.config;
  const auto restrictions = session ? session->restrictions : Restrictions{};
  Json json{{"signed_in", session.has_value()},
            {"read_only", restrictions.read_only},
            {"hides_payloads", restrictions.hides_payloads},
            {"may_export", config.may_export && !restrictions.hides_payloads},
            {"version", state.deps.version}};
  if (!session) return json;
  json["user"] = session->user;
  json["expires_at"] = format_rfc3339(session->until);
  return json;
}

Result<Restrictions> restrictions_of(const Json& body) {
  const bool read_only = MESH_TRY(bool_member(body, "read_only"));
  const bool hides_payloads = MESH_TRY(bool_member(body, "hides_payloads"));
  return Restrictions{read_only, hides_payloads};
}

// What the token or the code opens.
Result<Opening> admitted(const State& state, const Json& body, const std::string& remote) {
  const Restrictions wanted = MESH_TRY(restrictions_of(body));
  const auto token = MESH_TRY(text_member(body, "token"));
  const auto code = MESH_TRY(text_member(body, "code"));
  if (token.has_value() == code.has_value()) {
    return bad_member("token",
                      "is the operator's token, or `code` a code of `mesh console`: one "
                      "of them");
  }
  if (token) {
    MESH_TRY(state.tries->begin(remote));
    if (auto user = state.deps.operator_of(*token)) return Opening{*std::move(user), wanted};
    return fail(ErrorKind::unauthenticated,
                "this is not the operator's token (auth.operator_token_file, else "
                "<data_dir>/operator.token)");
  }
  // A code that opens is no guess, whoever else guesses from the same address.
  auto read = state.deps.sessions.read_code(*code);
  if (!read) {
    MESH_TRY(state.tries->begin(remote));
    return fail(ErrorKind::unauthenticated,
                "the code is not valid any more; `mesh console` gives another one");
  }
  // Held for longer than the code could be used, and never given back.
  const auto unused = MESH_TRY(
      state.deps.leases.acquire("console-code-" + sha256_hex(*code), "console", 2 * kCodeLifetime));
  if (!unused) {
    return fail(ErrorKind::unauthenticated,
                "the code was used already; `mesh console` gives another one");
  }
  read->restrictions.read_only |= wanted.read_only;
  read->restrictions.hides_payloads |= wanted.hides_payloads;
  return *std::move(read);
}

Result<Response> sign_in(const State& state, const http::Request& request) {
  if (!state.deps.config.enabled) return not_here(state);
  const auto body = MESH_TRY(services::object_body(request));
  MESH_TRY(only_members(body, {"token", "code", "read_only", "hides_payloads"}));
  const auto opened = admitted(state, body, request.remote);
  if (!opened) {
    if (opened.error().kind == ErrorKind::unauthenticated) {
      log::warn("nobody was signed in to the console", {{"why", opened.error().message},
                                                        {"remote", request.remote},
                                                        {"request_id", request.request_id}});
    }
    return fail(opened.error());
  }
  state.tries->succeeded(request.remote);
  const Session session = state.deps.sessions.begin(*opened);
  log::info("audit: a session of the console begins",
            {{"user", session.user},
             {"by", body.contains("code") ? "code" : "token"},
             {"read_only", session.restrictions.read_only},
             {"hides_payloads", session.restrictions.hides_payloads},
             {"remote", request.remote},
             {"request_id", request.request_id}});
  return Response::json(200, session_json(state, session))
      .with("Set-Cookie", state.deps.sessions.cookie(request, session, state.deps.tls));
}

Result<Response> make_code(const State& state, const http::Request& request) {
  if (!state.deps.config.enabled || state.files.empty()) return not_here(state);
  const auto body = MESH_TRY(services::object_body(request));
  MESH_TRY(only_members(body, {"read_only", "hides_payloads"}));
  const Restrictions restrictions = MESH_TRY(restrictions_of(body));
  // Else none would ever end, and whoever has a page for a moment would have it for ever.
  if (request.principal->by_session) {
    return fail(ErrorKind::forbidden,
                "a session begins no other one; `mesh console`, with the operator's token, does");
  }
  const auto code = state.deps.sessions.make_code({request.principal->user, restrictions});
  return Response::json(201, {{"code", code},
                              {"expires_in", kCodeLifetime.count() / 1000},
                              {"path", "/console#/sign-in?code=" + code}});
}

Json session_schema() {
  const Json flag{{"type", "boolean"}};
  return {{"type", "object"},
          {"required", {"signed_in", "read_only", "hides_payloads", "may_export", "version"}},
          {"properties",
           {{"signed_in", flag},
            {"read_only", flag},
            {"hides_payloads", flag},
            {"may_export", flag},
            {"version", {{"type", "string"}}},
            {"user",
             {{"type", "string"},
              {"description", "The operator who began it, as the audit log names him."}}},
            {"expires_at", {{"type", "string"}, {"format", "date-time"}}}}}};
}

Json restrictions_schema() {
  return {{"type", "object"},
          {"properties",
           {{"read_only",
             {{"type", "boolean"}, {"default", false}, {"description", "It changes nothing."}}},
            {"hides_payloads",
             {{"type", "boolean"},
              {"default", false},
              {"description", "It shows nothing of what events and users hold."}}}}},
          {"additionalProperties", false}};
}

Json sign_in_schema() {
  Json schema = restrictions_schema();
  schema["properties"]["token"] = {
      {"type", "string"}, {"minLength", 1}, {"description", "The operator's token; or `code`."}};
  schema["properties"]["code"] = {
      {"type", "string"}, {"minLength", 1}, {"description", "A code that was not used yet."}};
  return schema;
}

Json code_schema() {
  return {{"type", "object"},
          {"required", {"code", "expires_in", "path"}},
          {"properties",
           {{"code", {{"type", "string"}}},
            {"expires_in", {{"type", "integer"}, {"description", "Seconds."}}},
            {"path", {{"type", "string"}, {"description", "Of the page that takes it."}}}}}};
}

http::Route open_route(const char* method, const char* pattern, const char* operation,
                       const char* summary, std::vector<http::Answer> answers,
                       http::Handler handler) {
  return {.method = method,
          .pattern = pattern,
          .access = http::Access::open,
          .operation = operation,
          .tag = "console",
          .summary = summary,
          .answers = std::move(answers),
          .problems = {404},
          .handler = std::move(handler)};
}

// Its bytes, of one of these media types, or that a browser has them.
std::vector<http::Answer> gives_files(const std::vector<std::string>& media) {
  auto answer = api::with_header(api::gives_text(media.front(), "The file."),
                                 api::header("ETag", "The entity tag of these bytes."));
  for (const auto& other : media) {
    if (other != media.front()) answer.content.push_back({other, {{"type", "string"}}});
  }
  http::Answer known{304, "The browser has them already.", {}, answer.headers};
  return {std::move(answer), std::move(known)};
}

std::map<std::string, File, std::less<>> files_of(const Deps& deps) {
  std::map<std::string, File, std::less<>> files;
  if (!deps.config.enabled) return files;
  for (const Asset& asset : deps.assets) {
    File& one = files[std::string(asset.name)];
    one.asset = asset;
    (void)http::decode_content(
        http::ContentCoding::gzip, asset.gzip, [](std::size_t) { return true; }, one.plain);
  }
  return files;
}

}  // namespace

http::RouteTable routes(Deps deps) {
  auto files = files_of(deps);
  auto tries = std::make_unique<SignInTries>(deps.clock);
  const auto state =
      std::make_shared<const State>(State{std::move(deps), std::move(files), std::move(tries)});
  auto page =
      open_route("GET", "/console", "getConsole", "The web console", gives_files({"text/html"}),
                 [state](auto request, auto respond) { respond(file(*state, *request, kPage)); });
  auto front =
      open_route("GET", "/", "getFrontPage", "The console, for browsers",
                 gives_files({"text/html"}), [state](auto request, auto respond) {
                   if (http::weight_of(request->header("Accept").value_or(""), "text/html") > 0) {
                     return respond(file(*state, *request, kPage));
                   }
                   respond(Response::problem(
                       404, "There is nothing at this path; /openapi.json lists what is."));
                 });
  auto one_file =
      open_route("GET", "/console/{file}", "getConsoleFile", "A file of the web console",
                 gives_files({"text/javascript", "text/css", "image/svg+xml", "text/html"}),
                 [state](auto request, auto respond) {
                   respond(file(*state, *request, request->path_params.at("file")));
                 });
  one_file.parameters = {api::path("file", "Its name.")};
  auto known = open_route(
      "GET", "/console/session", "getConsoleSession", "The session of this browser",
      {api::gives_value(session_schema(), "Whether there is one, and what it may.")},
      [state](auto request, auto respond) {
        respond(Response::json(200, session_json(*state, state->deps.sessions.of(*request))));
      });
  auto begins =
      open_route("POST", "/console/session", "signIn", "Begins a session of the web console",
                 {api::with_header(api::gives_value(session_schema(), "It began."),
                                   api::header("Set-Cookie", "The session."))},
                 services::answering(state, sign_in));
  begins.body = http::Body::json;
  begins.pool = http::Pool::quick;  // a code is noted in a store
  begins.request = {{"application/json", sign_in_schema()}};
  begins.problems = {401, 404, 422, 429};
  auto ends = open_route(
      "DELETE", "/console/session", "signOut", "Ends the session of this browser",
      {api::nothing("The browser has none any more.")}, [state](auto request, auto respond) {
        respond(Response::no_content().with("Set-Cookie",
                                            Sessions::end_cookie(*request, state->deps.tls)));
      });
  http::RouteTable table = api::for_operators(
      "console", {{.method = "POST",
                   .pattern = "/admin/v1/console/codes",
                   .scope = "admin",
                   .body = http::Body::json,
                   .operation = "makeConsoleCode",
                   .summary = "A code that begins one session of the web console",
                   .details = "For once, within a minute.",
                   .request = {{"application/json", restrictions_schema()}},
                   .answers = {api::gives_value(code_schema(), "The code.", 201)},
                   .problems = {404, 422},
                   .handler = services::answering(state, make_code)}});
  for (auto* route : {&front, &page, &one_file, &known, &begins, &ends}) {
    table.push_back(std::move(*route));
  }
  return table;
}

}  // namespace mesh::console
