#include "tests/bench/requests.h"

#include <array>

namespace mesh::bench {
namespace {

using Words = const char* const;

constexpr Words kFirst[] = {
    "james",     "mary",      "robert",    "patricia", "john",     "jennifer", "michael",
    "linda",     "david",     "elizabeth", "william",  "barbara",  "richard",  "susan",
    "joseph",    "jessica",   "thomas",    "sarah",    "charles",  "karen",    "daniel",
    "lisa",      "matthew",   "nancy",     "anthony",  "betty",    "mark",     "sandra",
    "donald",    "ashley",    "steven",    "emily",    "andrew",   "kimberly", "paul",
    "margaret",  "joshua",    "donna",     "kenneth",  "michelle", "kevin",    "carol",
    "brian",     "amanda",    "george",    "melissa",  "timothy",  "deborah",  "ronald",
    "stephanie", "jason",     "rebecca",   "edward",   "laura",    "jeffrey",  "helen",
    "ryan",      "sharon",    "jacob",     "cynthia",  "gary",     "kathleen", "nicholas",
    "amy",       "eric",      "angela",    "jonathan", "shirley",  "stephen",  "anna",
    "larry",     "ruth",      "justin",    "brenda",   "scott",    "pamela",   "brandon",
    "nicole",    "benjamin",  "katherine", "samuel",   "virginia", "gregory",  "catherine",
    "frank",     "christine", "alexander", "debra",    "raymond",  "rachel",   "patrick",
    "carolyn",   "jack",      "janet",     "dennis",   "emma",     "jerry",    "maria",
    "aaron",     "olivia"};
constexpr Words kRoots[] = {"ander", "john",   "rob",   "wil",  "thomp", "peter",  "harri", "mar",
                            "jack",  "gar",    "rich",  "dan",  "sim",   "hender", "cole",  "nel",
                            "ed",    "steven", "morri", "rey",  "hamp",  "black",  "white", "green",
                            "stan",  "wal",    "brad",  "craw", "whit",  "mitch",  "fair",  "lock",
                            "ash",   "hart",   "wood",  "west", "north", "clay",   "burn",  "dray"};
constexpr Words kEnds[] = {"son",  "ton",   "ford",  "man",   "well",  "ley",  "wood",  "field",
                           "berg", "stein", "er",    "s",     "worth", "ham",  "by",    "ridge",
                           "bury", "brook", "land",  "wick",  "more",  "side", "ard",   "ings",
                           "ster", "mer",   "dale",  "hurst", "combe", "gate", "den",   "low",
                           "cote", "shaw",  "stone", "water", "hill",  "burn", "croft", "smith"};
constexpr Words kDomains[] = {"example.com", "mail.example.org", "corp.example.net",
                              "research.example.edu"};
constexpr Words kEventTypes[] = {"page_view", "click", "login", "purchase", "search"};

constexpr std::uint64_t kNames = std::size(kFirst) * std::size(kRoots) * std::size(kEnds);

// A permutation of the residues, so that neighbours in n share no names.
std::uint64_t scatter(std::uint64_t n, std::uint64_t size) { return n * 7919 % size; }

std::string capital(std::string word) {
  word[0] = static_cast<char>(word[0] - 'a' + 'A');
  return word;
}

void append_event(std::string& out, std::uint64_t n, std::uint64_t users) {
  out += R"({"user_id":"user-)";
  out += std::to_string(scatter(n, users));
  out += R"(","event_type":")";
  out += kEventTypes[n % std::size(kEventTypes)];
  out += R"(","metadata":{"page":"/products/)";
  out += std::to_string(n % 997);
  out += R"(","n":)";
  out += std::to_string(n);
  out += "}}";
}

}  // namespace

void append_request(std::string& out, std::string_view method, std::string_view target,
                    std::string_view tenant, std::string_view body, std::string_view content_type,
                    std::string_view key) {
  out.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: localhost\r\n");
  out.append("Authorization: Bearer ").append(tenant).append(":bench\r\n");
  if (!key.empty()) out.append("Idempotency-Key: ").append(key).append("\r\n");
  if (!body.empty()) {
    out.append("Content-Type: ").append(content_type).append("\r\nContent-Length: ");
    out.append(std::to_string(body.size())).append("\r\n");
  }
  out.append("\r\n").append(body);
}

std::string request(std::string_view method, std::string_view target, std::string_view tenant,
                    std::string_view body, std::string_view content_type) {
  std::string out;
  append_request(out, method, target, tenant, body, content_type);
  return out;
}

NewUser person(std::string_view tenant, std::uint64_t n) {
  const std::uint64_t name = scatter(n, kNames);
  const std::string first = kFirst[name % std::size(kFirst)];
  const std::uint64_t rest = name / std::size(kFirst);
  const std::string last =
      std::string(kRoots[rest % std::size(kRoots)]) + kEnds[rest / std::size(kRoots)];
  const std::uint64_t again = n / kNames;  // how many of that name came before
  const std::string nth = again == 0 ? "" : std::to_string(again);
  std::string local;
  switch (n % 3) {
    case 0:
      local = first + "." + last + nth;
      break;
    case 1:
      local = first + "_" + last + nth;
      break;
    default:
      local = first.substr(0, 1) + last + std::to_string(n);
      break;
  }
  return {local + "@" + std::string(tenant) + "." + kDomains[n % std::size(kDomains)],
          capital(first) + " " + capital(last)};
}

std::string query_for(const NewUser& person, std::uint64_t n) {
  switch (n % 4) {
    case 0:
    case 1:
      return person.name;
    case 2:
      return person.email.substr(0, person.email.find('@'));
    default: {  // two letters of the surname swapped
      std::string typo = person.name;
      const auto at = typo.find(' ') + 2;
      std::swap(typo[at], typo[at + 1]);
      return typo;
    }
  }
}

std::string create_body(const NewUser& person) {
  return R"({"email":")" + person.email + R"(","name":")" + person.name + R"("})";
}

std::string event_body(std::uint64_t n, std::uint64_t users) {
  std::string out;
  append_event(out, n, users);
  return out;
}

std::string event_lines(std::uint64_t n, int count, std::uint64_t users) {
  std::string out;
  for (int i = 0; i < count; ++i) {
    out += R"({"type":"analytics.recorded","data":)";
    append_event(out, n + static_cast<std::uint64_t>(i), users);
    out += "}\n";
  }
  return out;
}

}  // namespace mesh::bench
