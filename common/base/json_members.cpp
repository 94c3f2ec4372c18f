#include "common/base/json_members.h"

#include <algorithm>
#include <cmath>

namespace mesh {
namespace {

tl::unexpected<Error> not_of_type(std::string_view name, const Json& value,
                                  const std::string& wanted) {
  return bad_member(name, "must be " + wanted +
                              (value.is_null() ? ", not null: leave it out for the default" : ""));
}

}  // namespace

std::string pointer_to(std::string_view member) {
  return (Json::json_pointer() / std::string(member)).to_string();
}

tl::unexpected<Error> bad_member(std::string_view name, const std::string& detail) {
  const std::string pointer = pointer_to(name);
  return fail({ErrorKind::unprocessable, pointer + " " + detail, {}, {{pointer, detail}}, {}});
}

tl::unexpected<Error> in_member(std::string_view name, Error error) {
  // `invalid` would be 400, a body that cannot be read; here it can, and one value in it is wrong.
  if (error.kind == ErrorKind::invalid) return bad_member(name, error.message);
  return fail(std::move(error));
}

Status only_members(const Json& object, std::initializer_list<std::string_view> allowed) {
  std::string known;
  for (const auto& word : allowed) known += (known.empty() ? "" : ", ") + std::string(word);
  const std::string detail = "unknown field; allowed: " + (known.empty() ? "none" : known);
  std::vector<FieldError> errors;
  for (const auto& [name, value] : object.items()) {
    if (std::ranges::find(allowed, name) == allowed.end())
      errors.push_back({pointer_to(name), detail});
  }
  if (errors.empty()) return {};
  return fail({ErrorKind::unprocessable, "the body has unknown fields", {}, std::move(errors), {}});
}

std::optional<std::int64_t> whole_number(const Json& value) {
  if (value.is_number_float()) {
    // The largest int64 itself is no double: the next one below is 1024 less. So the range is half
    // open.
    constexpr double kBeyond = 9223372036854775808.0;  // 2^63
    const auto number = value.get<double>();
    if (!(number >= -kBeyond && number < kBeyond) || std::trunc(number) != number) {
      return std::nullopt;
    }
    return static_cast<std::int64_t>(number);
  }
  // The parser makes integers of 64 bits unsigned where they have no sign, and a get would wrap one
  // that is beyond int64.
  if (!value.is_number_integer() ||
      (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX)) {
    return std::nullopt;
  }
  return value.get<std::int64_t>();
}

Result<std::optional<std::string>> string_member(const Json& object, std::string_view name) {
  const auto it = object.find(name);
  if (it == object.end()) return std::nullopt;
  if (!it->is_string()) return not_of_type(name, *it, "a string");
  return it->get<std::string>();
}

Result<std::optional<std::string>> text_member(const Json& object, std::string_view name) {
  auto text = string_member(object, name);
  if (text && *text && (*text)->empty()) return bad_member(name, "must not be empty");
  return text;
}

Result<std::optional<std::int64_t>> int_member(const Json& object, std::string_view name) {
  const auto it = object.find(name);
  if (it == object.end()) return std::nullopt;
  const auto number = whole_number(*it);
  if (!number) return not_of_type(name, *it, "a whole number");
  return number;
}

Result<bool> bool_member(const Json& object, std::string_view name) {
  const auto it = object.find(name);
  if (it == object.end()) return false;
  if (!it->is_boolean()) return not_of_type(name, *it, "true or false");
  return it->get<bool>();
}

}  // namespace mesh
