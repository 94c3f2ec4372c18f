// Small text forms: times, durations, sizes, numbers, escapes, base64, identifiers.
#include "common/base/strings.h"
#include "common/base/time.h"
#include "common/base/unicode.h"
#include "common/domain/catalogue.h"
#include "common/domain/tenant.h"
#include "common/domain/user.h"
#include "tests/fuzz/fuzz.h"

namespace mesh::fuzz {
namespace {

void check_times(std::string_view text) {
  if (const auto time = parse_rfc3339(text)) {
    const auto again = format_rfc3339(*time);
    holds(again.size() == 24, "a formatted time has its one length");
    holds(parse_rfc3339(again) == *time, "a formatted time reads back as itself");
  }
  if (const auto duration = parse_duration(text)) {
    holds(duration->count() >= 0, "a duration is not negative");
    holds(parse_duration(format_duration(*duration)) == *duration,
          "a formatted duration reads back as itself");
  }
  if (const auto size = parse_size(text)) {
    holds(parse_size(std::to_string(*size)) == *size, "a size reads back as itself");
    holds(!format_size(*size).empty(), "a size has a form for people");
  }
  if (const auto time = uuid_v7_time(text)) {
    holds(parse_rfc3339(format_rfc3339(*time)).has_value() ||
              *time > *parse_rfc3339("9999-12-31T23:59:59.999Z"),
          "the time of an id is a time");
  }
}

void check_numbers(std::string_view text) {
  if (const auto number = parse_int(text)) {
    holds(parse_int(std::to_string(*number)) == number, "a number reads back as itself");
    holds(text.find_first_not_of("-0123456789") == text.npos, "a number has digits only");
  }
  if (const auto number = parse_double(text)) {
    holds(*number - *number == 0, "a number is finite");
  }
}

void check_escapes(std::string_view text) {
  for (const bool plus : {false, true}) {
    if (const auto decoded = percent_decode(text, plus)) {
      holds(is_valid_utf8(*decoded), "decoded text is UTF-8");
      holds(percent_decode(percent_encode(*decoded), plus) == decoded, "encoding undoes decoding");
    }
  }
  const auto encoded = percent_encode(text);
  holds(encoded.find_first_of(" /?#&=+\"<>\\\r\n") == encoded.npos,
        "encoded text needs no quoting");
  const auto decoded = percent_decode(encoded);
  holds(decoded.has_value() == is_valid_utf8(text), "UTF-8 and nothing else can be decoded");
  holds(!decoded || *decoded == text, "decoding undoes encoding");
}

void check_base64(std::string_view text) {
  holds(base64_decode(base64_encode(text)) == text, "base64 gives back what went in");
  holds(base64url_decode(base64url_encode(text)) == text, "base64url gives back what went in");
  // One text for one value: else a signature or a cursor could be written in several ways.
  if (const auto bytes = base64_decode(text)) {
    holds(base64_encode(*bytes) == text, "base64 has one form");
  }
  if (const auto bytes = base64url_decode(text)) {
    holds(base64url_encode(*bytes) == text, "base64url has one form");
  }
}

void check_names(std::string_view text) {
  if (const auto tenant = TenantId::parse(text)) {
    holds(tenant->str() == text && text.size() <= 63, "a tenant id is its text");
    holds(percent_encode(text) == text, "a tenant id needs no escape");
  }
  const auto key = email_key(text);
  holds(email_key(key) == key, "an e-mail's key is its own key");
  holds(email_key(to_nfc(text)) == key, "an e-mail's key is of its normal form");
  holds(fold_case(fold_case(text)) == fold_case(text), "what is folded is its own fold");
  holds(name_key(name_key(text)) == name_key(text), "a name's key is its own key");
  if (new_user_from_json({{"email", text}, {"name", "A"}})) {
    const auto email = trim_space(text);
    holds(is_printable(email) && email.size() <= 254, "an e-mail is short and printable");
    holds(!find_point(email, [](char32_t c) { return c >= 0x80 && is_invisible(c); }),
          "an e-mail shows all its characters");
  }
  if (const auto topic = topic_of_unknown_type(text)) {
    holds(topic->ends_with(".events") && !is_dead_letter_topic(*topic),
          "a stranger's topic is no dead-letter topic");
    for (const auto& type : event_types()) {
      holds(type.topic != *topic || type.publishable, "a stranger's topic is not the mesh's own");
    }
  }
  if (is_printable(text)) {
    holds(is_valid_utf8(text) && text.find('\n') == text.npos, "printable text is one line");
  }
}

}  // namespace
}  // namespace mesh::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mesh::fuzz;
  const auto text = text_of(data, size);
  check_times(text);
  check_numbers(text);
  check_escapes(text);
  check_base64(text);
  check_names(text);
  return 0;
}
