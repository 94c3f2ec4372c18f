#include "common/load/requests.h"

#include <array>

namespace mesh::load {
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

void append_event(std::string& out, std::uint64_t n, std::uint64_t users, std::size_t size) {
  const std::size_t begin = out.size();
  out += R"({"user_id":"user-)";
  out += std::to_string(scatter(n, users));
  out += R"(","event_type":")";
  out += kEventTypes[n % std::size(kEventTypes)];
  out += R"(","metadata":{"page":"/products/)";
  out += std::to_string(n % 997);
  const std::size_t page = out.size();
  out += R"(","n":)";
  out += std::to_string(n);
  out += "}}";
  if (const auto length = out.size() - begin; length < size) out.insert(page, size - length, 'x');
}

}  // namespace

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

std::optional<std::string_view> tenant_of(std::string_view email) {
  const auto at = email.find('@');
  if (at == email.npos) return std::nullopt;
  const std::string_view host = email.substr(at + 1);
  for (const std::string_view domain : kDomains) {
    if (host.size() <= domain.size() + 1 || !host.ends_with(domain)) continue;
    const std::string_view before = host.substr(0, host.size() - domain.size());
    if (before.ends_with('.')) return before.substr(0, before.size() - 1);
  }
  return std::nullopt;
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
      const auto letter = [&](std::size_t i) {
        return i < typo.size() && static_cast<unsigned char>((typo[i] | 0x20) - 'a') < 26;
      };
      // Names of real users have other alphabets, too.
      if (letter(at) && letter(at + 1)) std::swap(typo[at], typo[at + 1]);
      return typo;
    }
  }
}

std::string create_body(const NewUser& person) {
  return R"({"email":")" + person.email + R"(","name":")" + person.name + R"("})";
}

std::string event_body(std::uint64_t n, std::uint64_t users, std::size_t size) {
  std::string out;
  append_event(out, n, users, size);
  return out;
}

std::string event_lines(std::uint64_t n, int count, std::uint64_t users, std::size_t size) {
  std::string out;
  for (int i = 0; i < count; ++i) {
    out += R"({"type":"analytics.recorded","data":)";
    append_event(out, n + static_cast<std::uint64_t>(i), users, size);
    out += "}\n";
  }
  return out;
}

}  // namespace mesh::load
