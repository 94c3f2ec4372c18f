#include "common/domain/user.h"

#include <algorithm>
#include <limits>

#include "common/base/json_members.h"
#include "common/base/strings.h"
#include "common/base/unicode.h"

namespace mesh {
namespace {

// RFC 5321, 4.5.3.1: a path has at most 256 octets, two of which are its angle brackets, and a
// local part 64. RFC 1035, 2.3.4: a label has 63, a name as text 253.
constexpr std::size_t kMaxEmailBytes = 254;
constexpr std::size_t kMaxLocalBytes = 64;
constexpr std::size_t kMaxDomainBytes = 253;
constexpr std::size_t kMaxLabelBytes = 63;
constexpr std::size_t kMaxNameCodePoints = 200;
constexpr std::string_view kDomainLetters = "abcdefghijklmnopqrstuvwxyz0123456789-";

// "has U+200B, which cannot be seen, as character 4"
std::string seen_as(const FoundPoint& found, const char* what) {
  return "has " + point_text(found.point) + ", which " + what + ", as character " +
         std::to_string(found.place) + ": remove it";
}

std::string domain_fault(std::string_view domain) {
  const std::string wanted = "must name a domain such as example.com after the @";
  const bool letters = std::all_of(domain.begin(), domain.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || static_cast<unsigned char>(c) >= 0x80;
  });
  if (!letters) return wanted;
  // Lengths are judged of the ASCII form, which goes over the wire and may be longer than what is
  // typed.
  const auto ascii = ascii_domain(domain);
  if (!ascii.fault.empty()) {
    return "has a domain that is no international domain name: " + ascii.fault +
           " (IDNA 2008); check how it is written";
  }
  if (ascii.text.size() > kMaxDomainBytes || ascii.text.find('.') == ascii.text.npos) return wanted;
  for (const auto& label : split(ascii.text, '.')) {
    if (label.empty() || label.size() > kMaxLabelBytes || label.front() == '-' ||
        label.back() == '-' || label.find_first_not_of(kDomainLetters) != label.npos) {
      return wanted;
    }
  }
  return {};
}

// What is wrong with the address; empty where nothing is.
std::string email_fault(std::string_view email) {
  if (email.empty()) return "must not be empty";
  if (email.size() > kMaxEmailBytes) return "must be at most 254 bytes";
  if (!is_printable(email)) return "must be UTF-8 without control characters";
  // Space of ASCII is seen well enough and told below.
  const auto unseen = [](char32_t c) { return c >= 0x80 && is_invisible(c); };
  if (const auto found = find_point(email, unseen)) return seen_as(*found, "cannot be seen");
  if (const auto found = find_point(email, is_unassigned)) {
    return seen_as(*found, "is of private use or not assigned");
  }
  const auto at = email.find('@');
  if (at == std::string_view::npos || email.find('@', at + 1) != std::string_view::npos) {
    return "must have exactly one @";
  }
  const auto local = email.substr(0, at), domain = email.substr(at + 1);
  if (local.empty() || local.size() > kMaxLocalBytes) {
    return "must have 1 to 64 bytes before the @";
  }
  if (local.find_first_of(" \t<>()[],;:\\\"") != std::string_view::npos) {
    return "has a character before the @ that is not allowed there";
  }
  if (local.front() == '.' || local.back() == '.' || local.find("..") != std::string_view::npos) {
    return "has a dot at the edge or twice in a row before the @";
  }
  return domain_fault(domain);
}

// Of a name without what cannot be seen around it.
std::string name_fault(std::string_view name) {
  if (name.empty()) return "must not be empty, nor of nothing but characters that cannot be seen";
  if (!is_printable(name)) return "must be UTF-8 without control characters";
  const auto turns = [](char32_t c) { return is_bidi_override(c) || c == 0x2028 || c == 0x2029; };
  if (const auto found = find_point(name, turns)) {
    return seen_as(*found, "changes the direction or the line of what stands behind it");
  }
  // Code points and not bytes, so that a name may be as long in every script.
  const auto code_points = std::count_if(name.begin(), name.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  });
  if (static_cast<std::size_t>(code_points) > kMaxNameCodePoints) {
    return "must be at most 200 characters";
  }
  return {};
}

// Reads the members that clients may give; what is missing stays empty.
Result<UserPatch> read_members(const Json& json, bool both_required) {
  UserPatch patch;
  Error error{ErrorKind::unprocessable, "the user is not valid", {}, {}, {}};
  const auto wrong = [&](std::string pointer, std::string detail) {
    error.fields.push_back({std::move(pointer), std::move(detail)});
  };
  if (!json.is_object()) {
    wrong("", "must be an object with email and name");
    return fail(std::move(error));
  }
  for (const auto& [member, value] : json.items()) {
    const std::string pointer = pointer_to(member);
    const bool tenant = member == "tenantId" || member == "tenant_id";
    if (member != "email" && member != "name" && !tenant) {
      wrong(pointer, "is not a member of a user");
    } else if (!value.is_string()) {
      wrong(pointer, "must be a string");
    } else if (!tenant) {
      const bool email = member == "email";
      const auto& given = value.get_ref<const std::string&>();
      // A name shows the same without what cannot be seen around it, so that goes. Of an address
      // white space goes alone: any other such character is told, also at the edge.
      const auto text = email ? trim_space(given) : trim_invisible(given);
      auto fault = email ? email_fault(text) : name_fault(text);
      if (!fault.empty()) wrong(pointer, std::move(fault));
      (email ? patch.email : patch.name) = text;
    }
  }
  if (both_required) {
    for (const char* name : {"email", "name"}) {
      if (!json.contains(name)) wrong(std::string("/") + name, "is missing");
    }
  } else if (error.fields.empty() && !patch.email && !patch.name) {
    wrong("", "must have an email or a name to change");
  }
  if (!error.fields.empty()) return fail(std::move(error));
  return patch;
}

}  // namespace

Json to_json(const User& user) {
  return {
      {"id", user.id}, {"email", user.email}, {"name", user.name}, {"tenantId", user.tenant.str()}};
}

// Without the value, since every change and every row of a list needs one. It must say what to_json
// says: both are the one public form.
std::string to_json_text(const User& user) {
  std::string text;
  text.reserve(64 + user.email.size() + user.name.size() + user.tenant.str().size());
  text.append(R"({"id":)").append(std::to_string(user.id)).append(R"(,"email":)");
  append_quoted(text, user.email);
  text.append(R"(,"name":)");
  append_quoted(text, user.name);
  text.append(R"(,"tenantId":)");
  append_quoted(text, user.tenant.str());
  text += '}';
  return text;
}

std::string removal_json_text(const User& user) {
  std::string text = R"({"id":)" + std::to_string(user.id) + R"(,"tenantId":)";
  append_quoted(text, user.tenant.str());
  return text += '}';
}

// Checks the form, not the rules of new_user_from_json: a user that an older program accepted must
// stay readable from the log.
Result<User> user_from_json(const Json& json) {
  const auto text = [&](const char* name) -> const std::string* {
    const auto it = json.find(name);
    return it != json.end() && it->is_string() ? it->get_ptr<const std::string*>() : nullptr;
  };
  if (!json.is_object()) return fail(ErrorKind::unprocessable, "a user must be a JSON object");
  const auto id = json.find("id");
  const auto *email = text("email"), *name = text("name");
  const auto* tenant_text = text("tenantId");
  if (!tenant_text) tenant_text = text("tenant_id");
  // The comparison with the maximum is for unsigned numbers, which a get as int64 would wrap.
  if (id == json.end() || !id->is_number_integer() || *id < 1 ||
      *id > std::numeric_limits<std::int64_t>::max()) {
    return fail(ErrorKind::unprocessable, "a user's id must be a positive integer");
  }
  if (!email || !name || !tenant_text) {
    return fail(ErrorKind::unprocessable, "a user must have the strings email, name and tenantId");
  }
  auto tenant = TenantId::parse(*tenant_text);
  if (!tenant) {
    return fail(ErrorKind::unprocessable, "a user's tenantId is " + tenant.error().message);
  }
  return User{
      .id = id->get<std::int64_t>(), .email = *email, .name = *name, .tenant = std::move(*tenant)};
}

Result<NewUser> new_user_from_json(const Json& json) {
  auto members = MESH_TRY(read_members(json, true));
  return NewUser{std::move(*members.email), std::move(*members.name)};
}

Result<UserPatch> user_patch_from_json(const Json& json) { return read_members(json, false); }

std::string email_key(std::string_view email) {
  const std::string seen = drop_invisible(email);
  // The last one: text that is no address may have several, and a domain has none.
  const auto at = seen.rfind('@');
  if (at == seen.npos) return fold_case(seen);
  const std::string domain = to_nfc(std::string_view(seen).substr(at + 1));
  auto ascii = ascii_domain(domain);
  // IDNA maps compatibility forms: a full-width '@' in a domain comes out as '@', and the key would
  // be another address's.
  const bool known = ascii.fault.empty() && ascii.text.find('@') == ascii.text.npos;
  return fold_case(std::string_view(seen).substr(0, at)) + "@" +
         (known ? ascii.text : to_lower(domain));
}

std::string name_key(std::string_view name) { return fold_case(drop_invisible(name)); }

}  // namespace mesh
