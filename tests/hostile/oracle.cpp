#include "tests/hostile/oracle.h"

#include <algorithm>
#include <array>

#include "common/base/json.h"

namespace mesh::hostile {
namespace {

// 5xx: only what says that a method, coding or version does not exist here.
constexpr std::array kExpected{200, 201, 202, 204, 304, 400, 401, 403, 404, 405, 408,
                               409, 412, 413, 415, 417, 422, 429, 431, 501, 505};

// The answers that need no credential: descriptions, metrics, health, whether somebody is signed
// in.
bool is_open(const test::Answer& answer) {
  // To OPTIONS, and to a browser that ends its session.
  if (answer.status == 204) {
    return !answer.header("Allow").empty() ||
           answer.header("Set-Cookie").find("Max-Age=0") != std::string::npos;
  }
  for (const char* start :
       {"{\"openapi\":", "<!doctype html>", "{\"signed_in\":false", "# HELP",
        "{\"status\":\"ok\",\"service\":", "ok\n", "ready\n", "[+]files ok\n"}) {
    if (answer.body.starts_with(start)) return true;
  }
  return false;
}

std::string problem_offence(const test::Answer& answer) {
  if (answer.header("Content-Type") != "application/problem+json")
    return "an error that is no problem+json";
  const Json json = Json::parse(answer.body, nullptr, false);
  if (!json.is_object()) return "a problem that is no JSON object";
  if (json.value("status", 0) != answer.status) return "a problem with another status";
  for (const char* member : {"type", "title", "detail", "instance", "request_id"}) {
    if (!json.contains(member) || !json[member].is_string() ||
        json[member].get_ref<const std::string&>().empty()) {
      return std::string("a problem without ") + member;
    }
  }
  if (json["request_id"].get<std::string>() != answer.header("X-Request-Id"))
    return "a problem of another request id";
  return {};
}

// Every value of the member in a body whose form is ours alone.
bool names_only_attacker(std::string_view body, std::string_view member) {
  for (auto at = body.find(member); at != std::string_view::npos; at = body.find(member, at + 1)) {
    const auto value = body.substr(at + member.size());
    if (!value.starts_with(std::string(kAttacker) + "\"")) return false;
  }
  return true;
}

}  // namespace

std::string offence_of(const Shot& shot, const test::Answer& answer) {
  const int status = answer.status;
  if (std::ranges::find(kExpected, status) == kExpected.end())
    return "status " + std::to_string(status);
  for (const char* name : {"Date", "X-Request-Id", "Cache-Control", "X-Content-Type-Options"}) {
    if (answer.count(name) != 1) return std::string("not one ") + name;
  }
  if (answer.count("Content-Type") > 1 || answer.count("Connection") > 1) return "a field twice";
  if (answer.count("X-Injected") != 0) return "an injected field";
  if (status == 401 && answer.count("WWW-Authenticate") != 1) return "401 without WWW-Authenticate";
  if (status == 405 && answer.count("Allow") != 1) return "405 without Allow";
  if (status == 429 && answer.count("Retry-After") != 1) return "429 without Retry-After";
  if (shot.head) return {};
  if (status >= 400) return problem_offence(answer);
  if (is_open(answer)) return {};
  if (!shot.own) return "an answer without a credential";
  if (shot.role == "admin") return "an answer of the admin API without the operator's token";
  if (answer.header("Content-Type") == "application/json" && !Json::accept(answer.body))
    return "a body that is no JSON";
  if (shot.role == "users" || shot.role == "gateway") {
    for (const char* member : {"\"tenantId\":\"", "\"tenant_id\":\""}) {
      if (!names_only_attacker(answer.body, member)) return "data of another tenant";
    }
  }
  return {};
}

std::string printable(std::string_view bytes, std::size_t most) {
  static const char* kHex = "0123456789abcdef";
  std::string out;
  for (const char c : bytes.substr(0, most)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\r') {
      out += "\\r";
    } else if (c == '\n') {
      out += "\\n\n";
    } else if (byte < 0x20 || byte >= 0x7f) {
      out += std::string("\\x") + kHex[byte >> 4] + kHex[byte & 15];
    } else {
      out += c;
    }
  }
  if (bytes.size() > most) out += "… (" + std::to_string(bytes.size()) + " bytes)";
  return out;
}

}  // namespace mesh::hostile
