// What a hostile client changes in a request before it is written: body, path, header fields.
#include <algorithm>
#include <cctype>

#include "tests/hostile/generator.h"
#include "tests/hostile/nasty.h"

namespace mesh::hostile {
namespace {

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

}  // namespace mesh::hostile
