#include "common/base/json_members.h"

#include <algorithm>

namespace mesh {
namespace {

tl::unexpected<Error> not_of_type(std::string_view name, const Json& value,
                                  const std::string& wanted) {
  return bad_member(name, "must be " + wanted +
                              (value.is_null() ? ", not null: leave it out for the default" : ""));
}

}  // namespace

tl::unexpected<Error> bad_member(std::string_view name, const std::string& detail) {
  const std::string pointer = "/" + std::string(name);
  return fail({ErrorKind::unprocessable, pointer + " " + detail, {}, {{pointer, detail}}, {}});
}

Status only_members(const Json& object, std::initializer_list<std::string_view> allowed) {
  std::string known;
  for (const auto& word : allowed) known += (known.empty() ? "" : ", ") + std::string(word);
  const std::string detail = "unknown field; allowed: " + (known.empty() ? "none" : known);
  std::vector<FieldError> errors;
  for (const auto& [name, value] : object.items()) {
    if (std::ranges::find(allowed, name) == allowed.end()) errors.push_back({"/" + name, detail});
  }
  if (errors.empty()) return {};
  return fail({ErrorKind::unprocessable, "the body has unknown fields", {}, std::move(errors), {}});
}

Result<std::optional<std::string>> string_member(const Json& object, std::string_view name) {
  const auto it = object.find(name);
  if (it == object.end()) return std::nullopt;
  if (!it->is_string()) return not_of_type(name, *it, "a string");
  return it->get<std::string>();
}

Result<std::optional<std::int64_t>> int_member(const Json& object, std::string_view name) {
  const auto it = object.find(name);
  if (it == object.end()) return std::nullopt;
  const bool fits = it->is_number_integer() &&
                    (!it->is_number_unsigned() || it->get<std::uint64_t>() <= INT64_MAX);
  if (!fits) return not_of_type(name, *it, "a whole number");
  return it->get<std::int64_t>();
}

Result<bool> bool_member(const Json& object, std::string_view name) {
  const auto it = object.find(name);
  if (it == object.end()) return false;
  if (!it->is_boolean()) return not_of_type(name, *it, "true or false");
  return it->get<bool>();
}

}  // namespace mesh
