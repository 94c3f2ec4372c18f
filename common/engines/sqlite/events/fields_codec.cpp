#include "common/engines/sqlite/events/fields_codec.h"

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>

#include "common/engines/sqlite/core/damage.h"

namespace mesh::sqlite {
namespace {

static_assert(std::endian::native == std::endian::little, "the stored numbers are little-endian");

constexpr char kText = 0, kNumber = 1;

void append_sized(std::string& out, std::string_view text) {
  const auto size = static_cast<std::uint16_t>(text.size());
  out.append(reinterpret_cast<const char*>(&size), sizeof size);
  out += text;
}

struct StoredField {
  std::string_view name;
  std::variant<std::string_view, double> value;
};

class FieldReader {
 public:
  explicit FieldReader(std::string_view bytes) : left_(bytes) {}

  bool at_end() const { return left_.empty(); }
  // Nothing where the bytes are none that encode_fields makes.
  std::optional<StoredField> next() {
    const auto name = sized();
    const auto kind = name ? fixed<char>() : std::nullopt;
    if (kind == kText) {
      if (const auto text = sized()) return StoredField{*name, *text};
    } else if (kind == kNumber) {
      if (const auto number = fixed<double>()) return StoredField{*name, *number};
    }
    return std::nullopt;
  }

 private:
  template <typename T>
  std::optional<T> fixed() {
    if (left_.size() < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, left_.data(), sizeof value);
    left_.remove_prefix(sizeof value);
    return value;
  }
  std::optional<std::string_view> sized() {
    const auto size = fixed<std::uint16_t>();
    if (!size || left_.size() < *size) return std::nullopt;
    const auto text = left_.substr(0, *size);
    left_.remove_prefix(*size);
    return text;
  }

  std::string_view left_;
};

FieldValue value_of_stored(const std::variant<std::string_view, double>& value) {
  if (const auto* text = std::get_if<std::string_view>(&value)) return std::string(*text);
  return std::get<double>(value);
}

tl::unexpected<Error> damaged_fields() {
  return fail(damaged_file("events.db", "the fields of an event cannot be read"));
}

}  // namespace

Result<std::string> encode_fields(const FieldValues& fields) {
  constexpr std::size_t kMost = 0xffff;
  std::string out;
  for (const auto& [name, value] : fields) {
    const auto* text = std::get_if<std::string>(&value);
    if (name.size() > kMost || (text != nullptr && text->size() > kMost)) {
      return fail(ErrorKind::invalid, "a field of an event is over 64 KiB");
    }
    append_sized(out, name);
    out += text != nullptr ? kText : kNumber;
    if (text != nullptr) {
      append_sized(out, *text);
    } else {
      out.append(reinterpret_cast<const char*>(std::get_if<double>(&value)), sizeof(double));
    }
  }
  return out;
}

Result<FieldValues> decode_fields(std::string_view bytes) {
  FieldValues fields;
  for (FieldReader reader(bytes); !reader.at_end();) {
    const auto field = reader.next();
    if (!field) return damaged_fields();
    fields.emplace(field->name, value_of_stored(field->value));
  }
  return fields;
}

Result<bool> stored_holds(const EventFilter& filter, std::string_view bytes) {
  for (const auto& condition : filter) {
    bool any = false;
    for (FieldReader reader(bytes); !reader.at_end() && !any;) {
      const auto field = reader.next();
      if (!field) return damaged_fields();
      any = field->name == condition.field && compares(condition, value_of_stored(field->value));
    }
    if (any == (condition.op == Condition::Op::unequal)) return false;
  }
  return true;
}

}  // namespace mesh::sqlite
