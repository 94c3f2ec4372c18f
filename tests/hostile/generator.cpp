#include "tests/hostile/generator.h"

#include <algorithm>

#include "common/base/strings.h"

namespace mesh::hostile {
namespace {

const std::vector<std::string> kTopics{"user.events",         "analytics.events", "chemical.events",
                                       "tenant.events",       "billing.events",   "task.events",
                                       "chemical.events.dlq", "user.events.dlq",  "none.events"};
const std::vector<std::string> kGroups{"analytics", "chemical", "user-index-1", "none"};
const std::vector<std::string> kMethods{"GET",     "POST", "PUT",   "PATCH",   "DELETE",
                                        "OPTIONS", "HEAD", "TRACE", "CONNECT", "PRI",
                                        "get",     "BREW", "GETS"};
const std::vector<std::string> kTypes{"analytics.recorded",
                                      "chemical.recorded",
                                      "user.created",
                                      "user.deleted",
                                      "tenant.updated",
                                      "billing.usage.incremented",
                                      "task.completed",
                                      "own.happened",
                                      "analytics.other",
                                      "user.other",
                                      "x.dlq",
                                      "chemical.events.dlq",
                                      "..",
                                      "a",
                                      "A.b",
                                      "../user.events",
                                      "analytics.events.dlq.x"};
// Texts that parsers, stores and shells have tripped over.
const std::vector<std::string> kNasty{"",
                                      " ",
                                      "'",
                                      "\"",
                                      "' OR '1'='1",
                                      "1; DROP TABLE users",
                                      "%",
                                      "_",
                                      "*",
                                      "?",
                                      "../../etc/passwd",
                                      "..%2f..%2f",
                                      "%00",
                                      "%0d%0aX-Injected: 1",
                                      "%c0%ae%c0%ae/",
                                      "%ff",
                                      "%zz",
                                      "%",
                                      "%2",
                                      "%2525",
                                      "\xef\xbb\xbf",
                                      "\xff\xfe",
                                      "\xc0\xa0",
                                      "\xed\xa0\x80",
                                      "${jndi:ldap://127.0.0.1/a}",
                                      "{{7*7}}",
                                      "<script>alert(1)</script>",
                                      "0",
                                      "-1",
                                      "1e9",
                                      "9223372036854775807",
                                      "9223372036854775808",
                                      "99999999999999999999",
                                      "NaN",
                                      "null",
                                      "true",
                                      "acme",
                                      "acme/1",
                                      "acme%2f1",
                                      "evil",
                                      "ACME",
                                      "acme,evil",
                                      "acme evil",
                                      "acme.",
                                      "*acme"};

std::string random_bytes(Random& random, std::size_t n) {
  std::string text;
  for (std::size_t i = 0; i < n; ++i) text += static_cast<char>(random.next());
  return text;
}

// Some characters of the path become escapes; the meaning stays.
std::string partly_encoded(const std::string& text, Random& random, bool twice) {
  static const char* kHex = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    if (c != '/' && c != '?' && c != '&' && c != '=' && c != '%' && random.one_in(4)) {
      const auto byte = static_cast<unsigned char>(c);
      out += std::string(twice ? "%25" : "%") + kHex[byte >> 4] + kHex[byte & 15];
    } else {
      out += c;
    }
  }
  return out;
}

std::string with_case_changed(std::string text, Random& random) {
  for (char& c : text) {
    if (random.one_in(3)) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return text;
}

}  // namespace

void Draft::set(const std::string& name, const std::string& value) {
  for (auto& [key, old] : headers) {
    if (key == name) {
      old = value;
      return;
    }
  }
  headers.emplace_back(name, value);
}

Generator::Generator(std::vector<DescribedRoute> routes, const World& world, std::uint64_t seed)
    : routes_(std::move(routes)),
      known_(world.known()),
      tasks_(world.tasks()),
      attacker_token_(world.attacker_token()),
      forgeries_(TrustedIssuer::get().forgeries(kVictim)),
      seed_(seed) {}

Shot Generator::make(std::uint64_t index) const {
  Random random(seed_, index);
  Draft draft = this->draft(random);
  // Most carry a change or none: two often end at the first, and the second is not seen.
  for (auto changes = random.pick(std::vector<int>{0, 0, 1, 1, 1, 2, 3}); changes > 0; --changes) {
    switch (random.below(4)) {
      case 0:
        change_path(draft, random);
        break;
      case 1:
        change_headers(draft, random);
        break;
      case 2:
        change_body(draft, random);
        break;
      default:
        credential(draft, random);
        break;
    }
  }
  if (random.one_in(20)) {
    draft.method = random.pick(kMethods);
    draft.tell("method");
  }
  std::string bytes = write(draft, random);
  if (random.one_in(10)) change_framing(draft, bytes, random);
  return {draft.role, std::move(bytes), draft.counted, draft.method == "HEAD",
          draft.own,  draft.story};
}

std::string Generator::value_for(const std::string& parameter, Random& random) const {
  if (random.one_in(5)) return random.pick(known_);
  if (random.one_in(8)) return random.pick(kNasty);
  if (parameter == "topic") return random.pick(kTopics);
  if (parameter == "group") return random.pick(kGroups);
  if (parameter == "tenant" || parameter == "tenant_id")
    return random.one_in(3) ? kAttacker : kVictim;
  if (parameter == "scope")
    return random.pick(std::vector<std::string>{"search", "publish", "users", "admin"});
  if (parameter == "cursor") {
    return base64url_encode(random.pick(std::vector<std::string>{"users:", "tenants:", "x:"}) +
                            random.pick(std::vector<std::string>{"0", "3", "19", "-1", "acme",
                                                                 "9223372036854775807", ""}));
  }
  if (parameter == "query")
    return random.pick(
        std::vector<std::string>{"known", "own", "acme.dev", "a", "known4@acme.dev", "%"});
  if (parameter == "limit")
    return random.pick(std::vector<std::string>{"1", "7", "100", "1000", "0", "-1", "x"});
  if (parameter == "min_score")
    return random.pick(std::vector<std::string>{"-1", "0", "0.99", "nan", "inf"});
  if (parameter == "wait") return "0";
  if (parameter == "id" && random.one_in(3)) return random.pick(tasks_);
  return random.one_in(2) ? std::to_string(1 + random.below(25)) : random.pick(known_);
}

Draft Generator::draft(Random& random) const {
  // Routes of tenants most often: most of the others ends with the credential.
  const DescribedRoute* route = &random.pick(routes_);
  for (int tries = 0; tries < 2 && route->credential != "tenant"; ++tries)
    route = &random.pick(routes_);
  Draft draft;
  draft.role = random.one_in(20) ? random.pick(kRoles) : route->role;
  draft.method = route->method;
  draft.story = route->method + " " + route->pattern;
  for (std::size_t i = 0; i < route->pattern.size(); ++i) {
    if (route->pattern[i] != '{') {
      draft.target += route->pattern[i];
      continue;
    }
    const auto end = route->pattern.find('}', i);
    draft.target += percent_encode(value_for(route->pattern.substr(i + 1, end - i - 1), random));
    i = end;
  }
  std::string separator = "?";
  for (const auto& name : route->query) {
    // Without its query a search is only a 400.
    if (name != "query" && !random.one_in(3)) continue;
    draft.target += separator + name + "=" + percent_encode(value_for(name, random));
    separator = "&";
  }
  draft.headers = {{"Host", "mesh.test"}};
  draft.own = true;
  draft.set("Authorization", "Bearer " + attacker_token_);
  if (route->body) draft.body = body_of(*route, draft, random);
  if (random.one_in(6)) credential(draft, random);
  return draft;
}

void Generator::credential(Draft& draft, Random& random) const {
  std::erase_if(draft.headers, [](const auto& field) { return field.first == "Authorization"; });
  draft.own = false;
  switch (random.below(6)) {
    case 0:
      draft.tell("no credential");
      if (random.one_in(2)) draft.set("X-Tenant-Id", kVictim);
      break;
    case 1:
    case 2:
    case 3: {
      const auto& forgery = random.pick(forgeries_);
      draft.tell("forged token: " + forgery.attack);
      draft.set("Authorization", "Bearer " + forgery.token);
      break;
    }
    case 4:
      draft.tell("another scheme");
      draft.set("Authorization",
                random.pick(std::vector<std::string>{
                    "Basic YWNtZTphbGljZQ==", "Bearer", "Bearer ", "bearer acme:alice",
                    "Bearer operator", "Digest acme", "Bearer " + std::string(64, 'a'),
                    "Bearer " + attacker_token_ + " " + attacker_token_,
                    "Bearer " + attacker_token_ + ",", "Token " + attacker_token_,
                    "Bearer\t" + attacker_token_}));
      break;
    default:
      draft.tell("token cut");
      draft.set("Authorization",
                "Bearer " + attacker_token_.substr(0, random.below(attacker_token_.size() - 1)));
  }
}

// --- bodies ----------------------------------------------------------------------------------

std::string Generator::event(Random& random) const {
  const std::string type = random.one_in(3) ? random.pick(kTypes) : kTypes[random.below(2)];
  Json data{{"user_id", value_for("id", random)}, {"event_type", "e" + random.number(20)}};
  if (type == "chemical.recorded") {
    data = {{"molecule_id", value_for("id", random)},
            {"researcher", random.pick(known_)},
            {"data", {{"formula", random.one_in(40) ? "((" : "C2H6O"}}}};
  }
  if (random.one_in(6)) data["tenantId"] = kVictim;
  Json event{{"specversion", "1.0"},
             {"id", random.one_in(3) ? random.pick(known_) : "own-" + random.number(100'000)},
             {"source", random.one_in(2) ? "/known" : "/evil"},
             {"type", type},
             {"data", data}};
  const auto extra = random.below(14);
  if (extra == 0) event["tenantid"] = kVictim;
  if (extra == 1) event["partitionkey"] = "acme/known-subject-1";
  if (extra == 2) event["subject"] = "acme/1";
  if (extra == 3) event["tenantId"] = kVictim;
  if (extra == 4) event["sequence"] = 9'000'000'000'000'000'000;
  if (extra == 5) event["traceparent"] = "00-00000000000000000000000000000001-0000000000000001-01";
  if (extra == 6) event["mesh_tenant"] = kVictim;
  if (extra == 7) event["dataschema"] = "http://127.0.0.1:1/schema";
  // A broken UTF-8 text would throw on the way out; what is wanted here is valid JSON.
  return mesh::dump(event);
}

std::string Generator::body_of(const DescribedRoute& route, Draft& draft, Random& random) const {
  draft.set("Content-Type", "application/json");
  const auto n = random.number(2000);
  if (random.one_in(10))
    draft.set("Idempotency-Key", random.one_in(2) ? random.pick(known_) : "own-" + n);
  if (route.pattern == "/users/create") {
    if (random.one_in(5)) return mesh::dump({{"email", random.pick(known_)}, {"name", "Known 2"}});
    if (random.one_in(5)) return R"({"email":"known4@acme.dev","name":"Own"})";
    return R"({"email":"mail)" + n + R"(@evil.dev","name":"Own )" + n + "\"}";
  }
  if (route.pattern == "/users/{id}") return R"({"name":"Changed )" + n + "\"}";
  if (route.pattern == "/api/v1/events/analytics" || route.pattern == "/api/v1/events/chemical") {
    return mesh::dump(Json::parse(event(random))["data"]);
  }
  if (route.pattern == "/api/v1/events") {
    switch (random.below(4)) {
      case 0: {
        draft.set("Content-Type", "application/x-ndjson");
        std::string lines;
        for (auto k = 1 + random.below(4); k > 0; --k) lines += event(random) + "\n";
        return lines;
      }
      case 1: {
        draft.set("Content-Type", "application/cloudevents-batch+json");
        std::string list = "[" + event(random);
        for (auto k = random.below(3); k > 0; --k) list += "," + event(random);
        return list + "]";
      }
      case 2:
        draft.set("Content-Type", "application/cloudevents+json");
        return event(random);
      default: {
        const Json json = Json::parse(event(random));
        for (const auto& [name, value] : json.items()) {
          if (name == "data") continue;
          draft.set("ce-" + name,
                    percent_encode(value.is_string() ? value.get<std::string>() : value.dump()));
        }
        return mesh::dump(json["data"]);
      }
    }
  }
  static const std::vector<std::string> kAdmin{
      "{}",
      R"({"tenant":"acme"})",
      R"({"to":"start"})",
      R"({"to":"end","dry_run":true})",
      R"({"id":"acme","name":"mine"})",
      R"({"id":"evil2"})",
      R"({"allow_unknown_types":true})",
      R"({"rate":1,"per":"1h","burst":0})",
      R"({"topic":"user.events","pipeline":"user-index","from":"start","tenant":"acme"})",
      R"({"records":[{"topic":"user.events","key":"acme/1","value":{"id":1,"tenantId":"acme"}}]})"};
  return random.pick(kAdmin);
}

void Generator::change_body(Draft& draft, Random& random) const {
  if (draft.body.empty() || random.one_in(8)) {
    draft.tell("a body from elsewhere");
    draft.body = random.one_in(2) ? event(random)
                                  : R"({"email":"known2@acme.dev","name":"x","tenantId":"acme"})";
    draft.set("Content-Type",
              random.pick(std::vector<std::string>{
                  "application/json", "text/plain", "application/x-ndjson",
                  "application/cloudevents+json", "multipart/form-data; boundary=x",
                  "application/x-www-form-urlencoded", "application/json; charset=utf-7", ""}));
    return;
  }
  auto& body = draft.body;
  const auto at = random.below(body.size());
  switch (random.below(10)) {
    case 0:
      draft.tell("body: names the victim");
      if (body.front() == '{') body.insert(1, R"("tenantId":"acme",)");
      break;
    case 1:
      draft.tell("body: names the victim too");
      if (body.front() == '{') body.insert(1, R"("tenantId":"evil","tenantId":"acme",)");
      break;
    case 2:
      draft.tell("body: cut");
      body.resize(at);
      break;
    case 3:
      draft.tell("body: a bit");
      body[at] = static_cast<char>(body[at] ^ (1 << random.below(8)));
      break;
    case 4:
      draft.tell("body: bytes");
      body.insert(at, random_bytes(random, 1 + random.below(8)));
      break;
    case 5: {
      draft.tell("body: nesting");
      const auto depth = random.pick(std::vector<std::size_t>{33, 100, 5000});
      body.insert(at, std::string(depth, '[') + std::string(random.one_in(2) ? depth : 0, ']'));
      break;
    }
    case 6:
      draft.tell("body: nasty text");
      body.insert(at, random.pick(kNasty));
      break;
    case 7:
      draft.tell("body: number");
      body.insert(at, random.pick(std::vector<std::string>{
                          "1e400", "-0", "123456789012345678901234567890", "1E-9"}));
      break;
    case 8:
      draft.tell("body: twice");
      body += body;
      break;
    default:
      if (random.one_in(20)) {
        draft.tell("body: over the limit");
        body += std::string((1 << 20) + 1, ' ');
      } else {
        draft.tell("body: long");
        body.insert(at, std::string(random.below(20'000), 'x'));
      }
  }
}

// --- paths -----------------------------------------------------------------------------------

void Generator::change_path(Draft& draft, Random& random) const {
  auto& target = draft.target;
  const auto question = target.find('?');
  std::string path = target.substr(0, question);
  std::string query = question == std::string::npos ? "" : target.substr(question);
  const auto add_query = [&](const std::string& more) {
    query += (query.empty() ? "?" : "&") + more;
  };
  switch (random.below(16)) {
    case 0:
      draft.tell("path: encoded");
      path = partly_encoded(path, random, false);
      break;
    case 1:
      draft.tell("path: encoded twice");
      path = partly_encoded(path, random, true);
      break;
    case 2:
      draft.tell("path: dots");
      path =
          "/x/.." + path + random.pick(std::vector<std::string>{"/../1", "/..", "/.", "/%2e%2e/1"});
      break;
    case 3:
      draft.tell("path: slashes");
      path = "/" + path + "/";
      break;
    case 4:
      draft.tell("path: parameters");
      path += random.pick(
          std::vector<std::string>{";tenant_id=acme", ";", "%3Ftenant_id=acme", "%23", "\\..\\1"});
      break;
    case 5:
      draft.tell("path: case");
      path = with_case_changed(path, random);
      break;
    case 6:
      draft.tell("path: nasty");
      path += random.pick(kNasty);
      break;
    case 7:
      draft.tell("path: encoded slash");
      std::ranges::replace(path.begin() + 1, path.end(), '/', '\x01');
      for (std::size_t i; (i = path.find('\x01')) != std::string::npos;) path.replace(i, 1, "%2f");
      break;
    case 8:
      draft.tell("path: absolute");
      path = random.pick(std::vector<std::string>{"http://mesh.test", "HTTP://mesh.test",
                                                  "http://acme.internal", "https://mesh.test:1",
                                                  "ftp://mesh.test", "//mesh.test"}) +
             path;
      break;
    case 9:
      draft.tell("path: very long");
      path += "/" + std::string(random.pick(std::vector<std::size_t>{300, 8000, 20'000}), 'a');
      break;
    case 10:
      draft.tell("query: tenant");
      add_query("tenant_id=" + random.pick(std::vector<std::string>{"acme", "ACME", "evil",
                                                                    "%61cme", "acme%00", ""}));
      break;
    case 11:
      draft.tell("query: tenant twice");
      add_query("tenant_id=evil&tenant_id=acme");
      break;
    case 12:
      draft.tell("query: other names");
      add_query(random.pick(std::vector<std::string>{
          "tenantId=acme", "tenant=acme", "X-Tenant-Id=acme", "tenant_id[]=acme",
          "access_token=acme:alice", "_method=DELETE", "debug=1", "admin=true"}));
      break;
    case 13:
      draft.tell("query: cursor");
      add_query("cursor=" + value_for("cursor", random));
      break;
    case 14:
      draft.tell("query: nasty");
      add_query("q=" + random.pick(kNasty) + "&" + random.pick(kNasty) + "=x");
      break;
    default:
      draft.tell("query: very many");
      for (int i = 0; i < 300; ++i) add_query("a" + std::to_string(i) + "=1");
  }
  target = path + query;
}

// --- header fields ---------------------------------------------------------------------------

void Generator::change_headers(Draft& draft, Random& random) const {
  const auto add = [&](const std::string& name, const std::string& value) {
    draft.headers.emplace_back(name, value);
  };
  switch (random.below(14)) {
    case 0:
      draft.tell("X-Tenant-Id");
      add("X-Tenant-Id",
          random.pick(std::vector<std::string>{"acme", "ACME", " acme", "acme ", "acme,evil",
                                               "evil", "", "acme\tevil", "../acme", "*"}));
      break;
    case 1:
      draft.tell("X-Tenant-Id twice");
      add("X-Tenant-Id", kAttacker);
      add("x-tenant-id", kVictim);
      break;
    case 2:
      draft.tell("look-alike headers");
      add(random.pick(std::vector<std::string>{"X_Tenant_Id", "X-Tenant", "Tenant-Id",
                                               "X-Tenant-Id.", "X-Forwarded-User", "X-User"}),
          kVictim);
      break;
    case 3:
      draft.tell("rewriting headers");
      add(random.pick(std::vector<std::string>{"X-Original-URL", "X-Rewrite-URL",
                                               "X-Forwarded-Prefix", "X-HTTP-Method-Override",
                                               "X-Forwarded-Host", "Forwarded"}),
          random.one_in(2) ? "/admin/v1/tenants" : "DELETE");
      break;
    case 4:
      draft.tell("two credentials");
      add("Authorization", "Bearer " + random.pick(forgeries_).token);
      draft.own = false;
      break;
    case 5:
      draft.tell("ce- headers");
      add(random.pick(std::vector<std::string>{
              "ce-tenantid", "ce-TenantId", "ce-partitionkey", "ce-subject", "ce-id", "ce-type",
              "ce-source", "ce-time", "ce-specversion", "ce-data", "ce-mesh_tenant", "ce-"}),
          random.pick(std::vector<std::string>{"acme", "acme/known-subject-1", "%61cme", "%C0%A0",
                                               "%", "1.0", "user.deleted"}));
      break;
    case 6:
      draft.tell("idempotency key");
      add("Idempotency-Key", random.one_in(2) ? random.pick(known_) : random.pick(kNasty));
      break;
    case 7:
      draft.tell("request id");
      add("X-Request-Id", random.one_in(2) ? random.pick(kNasty) : std::string(200, 'r'));
      break;
    case 8:
      draft.tell("traceparent");
      add("traceparent", random.pick(std::vector<std::string>{
                             "00-00000000000000000000000000000000-0000000000000000-00",
                             "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "x",
                             "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}));
      break;
    case 9:
      draft.tell("other headers");
      add(random.pick(std::vector<std::string>{
              "Prefer", "Expect", "Upgrade", "Connection", "Range", "If-None-Match",
              "Accept-Encoding", "Content-Encoding", "Cookie", "Origin", "TE", "Max-Forwards"}),
          random.pick(std::vector<std::string>{"wait=1", "100-continue", "h2c", "close", "bytes=0-",
                                               "*", "gzip", "keep-alive, X-Tenant-Id", "trailers",
                                               "0"}));
      break;
    case 10:
      draft.tell("header injection");
      add("X-A", random.pick(std::vector<std::string>{
                     "a\nX-Tenant-Id: acme", "a\r\nX-Tenant-Id: acme", "a\rb",
                     std::string("a\0b", 3), "a\r\n\tfolded", "\x7f"}));
      break;
    case 11:
      draft.tell("header name");
      add(random.pick(std::vector<std::string>{"X-Tenant-Id ", " X-Tenant-Id", "X Tenant", "",
                                               "X-\xc3\xa4", "X:Y", "(x)"}),
          kVictim);
      break;
    case 12:
      draft.tell("very many headers");
      for (int i = 0; i < 150; ++i) add("X-" + std::to_string(i), "v");
      break;
    default:
      draft.tell("long header");
      add("X-Long", std::string(random.pick(std::vector<std::size_t>{1000, 9000, 17'000}), 'l'));
  }
}

// --- on the wire -----------------------------------------------------------------------------

std::string Generator::write(Draft& draft, Random& random) const {
  if (random.one_in(30)) {
    draft.version =
        random.pick(std::vector<std::string>{"HTTP/1.0", "HTTP/1.0", "HTTP/2.0", "HTTP/0.9",
                                             "HTTP/1.2", "http/1.1", "HTTP/1.1 ", "HTTP/11", ""});
    draft.tell("version " + draft.version);
  }
  std::string bytes = draft.method + " " + draft.target + " " + draft.version + "\r\n";
  const bool has_body = !draft.body.empty();
  draft.chunked = has_body && random.one_in(6);
  for (const auto& [name, value] : draft.headers) bytes += name + ": " + value + "\r\n";
  if (!has_body) return bytes + "\r\n";
  if (!draft.chunked)
    return bytes + "Content-Length: " + std::to_string(draft.body.size()) + "\r\n\r\n" + draft.body;
  draft.tell("chunked");
  bytes += "Transfer-Encoding: chunked\r\n\r\n";
  for (std::string_view rest = draft.body; !rest.empty();) {
    const auto size = std::min(rest.size(), 1 + random.below(rest.size() > 5000 ? 100'000 : 64));
    char digits[32];
    std::snprintf(digits, sizeof digits, random.one_in(2) ? "%zx" : "%04zX", size);
    bytes += std::string(digits) + (random.one_in(4) ? ";ext=\"v\"" : "") + "\r\n";
    bytes.append(rest.substr(0, size)).append("\r\n");
    rest.remove_prefix(size);
  }
  bytes += "0\r\n";
  if (random.one_in(4))
    bytes += random.pick(std::vector<std::string>{"X-Tenant-Id: acme\r\n",
                                                  "Authorization: Bearer acme:alice\r\n",
                                                  "Content-Length: 9\r\n", "bad trailer\r\n"});
  return bytes + "\r\n";
}

// What a proxy in front might read otherwise than we do: any number of answers, but of nobody else.
void Generator::change_framing(Draft& draft, std::string& bytes, Random& random) const {
  if (draft.method == "HEAD") return;  // whether a further answer has a body could not be told
  draft.counted = false;
  const auto end_of_line = bytes.find("\r\n") + 2;
  const std::string smuggled =
      "GET /users?limit=1000 HTTP/1.1\r\nHost: t\r\nX-Tenant-Id: acme\r\nAuthorization: Bearer " +
      random.pick(forgeries_).token + "\r\n\r\n";
  const auto insert_field = [&](const std::string& field) {
    bytes.insert(end_of_line, field + "\r\n");
  };
  switch (random.below(12)) {
    case 0:
      draft.tell("framing: two lengths");
      insert_field("Content-Length: 0");
      bytes += smuggled;
      break;
    case 1:
      draft.tell("framing: length and chunks");
      insert_field("Transfer-Encoding: chunked");
      insert_field("Content-Length: 4");
      bytes += "0\r\n\r\n" + smuggled;
      break;
    case 2:
      draft.tell("framing: odd length");
      insert_field("Content-Length: " + random.pick(std::vector<std::string>{
                                            "-1", "+5", "0x10", "5, 5", "5,6", " ", "1e3",
                                            "18446744073709551617", "9999999999"}));
      bytes += smuggled;
      break;
    case 3:
      draft.tell("framing: odd coding");
      insert_field(random.pick(std::vector<std::string>{
          "Transfer-Encoding: xchunked", "Transfer-Encoding: chunked, identity",
          "Transfer-Encoding : chunked", "Transfer-Encoding:\tchunked",
          "Transfer-Encoding: \x0b"
          "chunked",
          "Transfer-Encoding: gzip, chunked", "X: y\nTransfer-Encoding: chunked",
          "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"}));
      bytes += "0\r\n\r\n" + smuggled;
      break;
    case 4:
      draft.tell("framing: smuggled behind");
      bytes += smuggled;
      break;
    case 5:
      draft.tell("framing: bare LF");
      for (std::size_t i; (i = bytes.find("\r\n")) != std::string::npos;) bytes.erase(i, 1);
      break;
    case 6:
      draft.tell("framing: cut");
      bytes.resize(random.below(bytes.size()));
      break;
    case 7:
      draft.tell("framing: bits");
      for (int i = 0; i < 3; ++i) {
        auto& c = bytes[random.below(bytes.size())];
        c = static_cast<char>(c ^ (1 << random.below(8)));
      }
      break;
    case 8:
      draft.tell("framing: bytes");
      bytes.insert(random.below(bytes.size()), random_bytes(random, 1 + random.below(40)));
      break;
    case 9:
      draft.tell("framing: removed");
      bytes.erase(random.below(bytes.size()), 1 + random.below(40));
      break;
    case 10:
      draft.tell("framing: chunk sizes");
      bytes = bytes.substr(0, bytes.find("\r\n\r\n")) + "\r\nTransfer-Encoding: chunked\r\n\r\n" +
              random.pick(std::vector<std::string>{
                  "-2\r\n", "fffffffffffffffff\r\n", "0x5\r\nhello\r\n", "5\r\nhello!\r\n",
                  "5 \r\nhello\r\n", "\r\n", "5;\n\r\nhello\r\n", "7fffffff\r\nx",
                  std::string(5000, '0') + "\r\n"}) +
              "0\r\n\r\n" + smuggled;
      break;
    default:
      draft.tell("framing: noise before");
      bytes.insert(0, random.pick(std::vector<std::string>{
                          "\r\n\r\n", "\n", " ", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                          "\x16\x03\x01\x02", "GET / HTTP/1.1\r\n"}));
  }
}

}  // namespace mesh::hostile
