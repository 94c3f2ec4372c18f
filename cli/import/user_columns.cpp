#include "cli/import/user_columns.h"

#include <algorithm>

#include "common/base/strings.h"
#include "common/base/unicode.h"

namespace mesh::cli {
namespace {

// As fold() leaves them, the surest first. Auth0, Entra, Google Workspace, HubSpot, Keycloak, LDAP,
// Okta, Salesforce, SCIM, and spreadsheets in English, French, German, Italian and Spanish.
const std::vector<std::string> kEmail{"email",
                                      "emailaddress",
                                      "mail",
                                      "primaryemail",
                                      "workemail",
                                      "useremail",
                                      "profileemail",
                                      "emails0value",
                                      "email1value",
                                      "emailadresse",
                                      "emailadres",
                                      "adresseemail",
                                      "adressemail",
                                      "courriel",
                                      "adresseelectronique",
                                      "correoelectronico",
                                      "indirizzoemail",
                                      "userprincipalname",
                                      "upn",
                                      "profilelogin",
                                      "login",
                                      "username"};
const std::vector<std::string> kWhole{
    "name",          "fullname",   "displayname",    "profiledisplayname", "namefullname",
    "nameformatted", "cn",         "commonname",     "anzeigename",        "vollstandigername",
    "nomcomplet",    "nomaffiche", "nombrecompleto", "nomecompleto",       "nombre"};
const std::vector<std::string> kFirst{"firstname",     "givenname", "profilefirstname",
                                      "namegivenname", "vorname",   "prenom"};
const std::vector<std::string> kLast{
    "lastname",       "surname",  "familyname",   "sn",  "profilelastname",
    "namefamilyname", "nachname", "familienname", "nom", "nomdefamille",
    "apellidos",      "apellido", "cognome"};

// Letters and digits alone, without case and accents; what stands in [brackets] is a remark.
std::string fold(const std::string& column) {
  const std::string text = column.substr(0, column.find('['));
  std::string folded;
  for (const char32_t point : fold_compatible(text)) {
    const bool counts = (point >= U'a' && point <= U'z') || (point >= U'0' && point <= U'9');
    if (counts) folded += static_cast<char>(point);
    // Letters of other alphabets stay: columns that are named by hand are compared in this form,
    // too.
    if (point >= 0x80) folded += point_text(point);
  }
  return folded;
}

tl::unexpected<Error> twice(const std::string& name, std::size_t first, std::size_t second) {
  return fail(ErrorKind::invalid,
              "\"" + name + "\" is there twice, as columns " + std::to_string(first + 1) + " and " +
                  std::to_string(second + 1) + ": remove or rename the one that is not meant");
}

std::string joined(const std::vector<std::size_t>& parts, const std::vector<std::string>& fields) {
  std::string name;
  for (const auto part : parts) {
    const auto text = trim(fields[part]);
    if (!text.empty()) name.append(name.empty() ? "" : " ").append(text);
  }
  return name;
}

}  // namespace

const std::string& ColumnFinder::folded(const std::string& column) {
  constexpr std::size_t kMaxKnown = 10'000;
  // Names of members come from the file, which may have any number of them.
  if (folded_.size() >= kMaxKnown) folded_.clear();
  const auto [it, is_new] = folded_.try_emplace(column);
  if (is_new) it->second = fold(column);
  return it->second;
}

Result<std::optional<std::size_t>> ColumnFinder::chosen(const std::vector<std::string>& columns,
                                                        const std::string& name) {
  std::optional<std::size_t> found;
  // Exactly as it was typed first, so that of "mail" and "Mail" either can be named.
  for (const bool exact : {true, false}) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (exact ? trim(columns[i]) != trim(name) : folded(columns[i]) != folded(name)) continue;
      if (found) return twice(name, *found, i);
      found = i;
    }
    if (found) return found;
  }
  return fail(ErrorKind::invalid, "there is no \"" + name + "\"");
}

Result<std::optional<std::size_t>> ColumnFinder::known(const std::vector<std::string>& columns,
                                                       const std::vector<std::string>& aliases) {
  // By alias, then by column: the surest name counts, wherever it stands.
  for (const auto& alias : aliases) {
    std::optional<std::size_t> found;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (folded(columns[i]) != alias) continue;
      if (found) return twice(columns[i], *found, i);
      found = i;
    }
    if (found) return found;
  }
  return std::nullopt;
}

Result<UserColumns> ColumnFinder::find(const std::vector<std::string>& columns) {
  UserColumns found;
  auto email =
      MESH_TRY(choice_.email.empty() ? known(columns, kEmail) : chosen(columns, choice_.email));
  if (!email) return fail(ErrorKind::invalid, "none of them is known as the e-mail address");
  found.email = *email;
  for (const auto& name : choice_.name) {
    auto part = MESH_TRY(chosen(columns, name));
    found.name.push_back(*part);
  }
  if (!found.name.empty()) return found;

  auto whole = known(columns, kWhole), first = known(columns, kFirst), last = known(columns, kLast);
  for (const auto* part : {&whole, &first, &last}) {
    if (!*part) return fail(part->error());
  }
  // "Vorname;Name" and "Nom" alone: the short word is the part that is missing.
  if (*first && !*last && *whole && folded(columns[**whole]) == "name" &&
      folded(columns[**first]) == "vorname") {
    *last = std::exchange(*whole, std::nullopt);
  }
  for (const auto& part : {*first, *last}) {
    if (part) found.fallback.push_back(*part);
  }
  if (*whole) found.name = {**whole};
  // Without a whole name its parts are the name, and there is nothing to fall back on.
  if (!*whole) found.name = std::exchange(found.fallback, {});
  if (found.name.empty()) return fail(ErrorKind::invalid, "none of them is known as the name");
  return found;
}

Result<NewUser> user_of_fields(const UserColumns& columns, const std::vector<std::string>& fields) {
  NewUser user{std::string(trim(fields[columns.email])), joined(columns.name, fields)};
  if (user.name.empty()) user.name = joined(columns.fallback, fields);
  if (user.email.empty()) return fail(ErrorKind::invalid, "the e-mail address is empty");
  if (user.name.empty()) return fail(ErrorKind::invalid, "the name is empty");
  return user;
}

std::string quoted_list(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 10;
  std::string list;
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i)
    list.append(list.empty() ? "\"" : ", \"").append(trim(names[i])).append("\"");
  if (names.size() > kShown) list += " and " + std::to_string(names.size() - kShown) + " more";
  return list;
}

}  // namespace mesh::cli
