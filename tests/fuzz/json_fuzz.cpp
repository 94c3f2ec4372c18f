// JSON documents: the parser against the library's, the schema checks against each other, and the
// values that are read from documents.
#include "common/base/json.h"
#include "common/domain/rate_policy.h"
#include "common/domain/schema_check.h"
#include "common/domain/tenant.h"
#include "common/domain/user.h"
#include "daemon/pipeline/dead_letters/dead_letters.h"
#include "daemon/pipeline/replay/replay.h"
#include "tests/fuzz/fuzz.h"

namespace mesh::fuzz {
namespace {

constexpr JsonLimits kLimits{.max_depth = 32, .max_bytes = 1 << 16};

void check_error(const Error& error) {
  holds(error.kind == ErrorKind::invalid || error.kind == ErrorKind::too_large ||
            error.kind == ErrorKind::unprocessable,
        "a document is refused as the client's mistake");
  holds(!error.message.empty(), "a refusal says why");
  for (const auto& field : error.fields) {
    holds(field.pointer.empty() || field.pointer.front() == '/', "a pointer is a JSON pointer");
    holds(!field.detail.empty(), "a pointer comes with a reason");
  }
}

// What the library refuses is refused here, and what both accept is the same value.
void compare_with_library(std::string_view text, const Result<Json>& ours) {
  const Json theirs = Json::parse(text, nullptr, false);
  if (ours) {
    holds(!theirs.is_discarded(), "the library accepts what is accepted here");
    holds(theirs == *ours, "the library reads the same value");
    return;
  }
  check_error(ours.error());
  if (theirs.is_discarded() || ours.error().kind == ErrorKind::too_large) return;
  holds(ours.error().message.find("appears twice") != std::string::npos ||
            ours.error().message.find("beyond the range") != std::string::npos ||
            text.starts_with("\xef\xbb\xbf") || text.find('\0') != std::string_view::npos,
        "beside, only duplicate names, depth, huge numbers, byte order marks and NULs are refused");
}

// The text of a member is that of its value.
void check_members(std::string_view text, const Json& json) {
  if (!json.is_object()) return;
  for (const auto& [name, value] : json.items()) {
    const auto found = member_text(text, name);
    const auto read = parse_json(found, {.max_depth = 32, .max_bytes = found.size()});
    holds(read.has_value() && *read == value, "a member's text is its value's");
  }
  holds(json.contains("data") || member_text(text, "data").empty(), "no member, no text");
}

// Text that is passed on says the same, on one line.
void check_raw(std::string_view text, const Json& json) {
  const std::string line = dump(raw_json(text));
  holds(line.find_first_of("\r\n") == line.npos, "raw JSON is one line");
  holds(parse_json(line, {.max_depth = 32, .max_bytes = line.size()}) == json,
        "raw JSON is the document");
  const auto exact =
      parse_json(text, {.max_depth = 32, .max_bytes = text.size(), .exact_numbers = true});
  holds(exact && parse_json(dump(*exact), {.max_depth = 32, .max_bytes = 1 << 20}) == json,
        "exact numbers are the numbers");
}

void check_schemas(const Json& value) {
  for (const auto& type : event_types()) {
    const auto checked = check_schema(type, value);
    holds(validate_data(type, value).has_value() == checked.has_value(),
          "the quick check decides like the thorough one");
    if (conforms(type, value)) {
      holds(checked.has_value(), "what conforms passes the schema");
    } else if (type.publishable) {
      holds(!checked.has_value(), "what clients publish is decided by the quick check");
    }
    if (!checked) {
      check_error(checked.error());
      holds(!checked.error().fields.empty() && checked.error().fields.size() <= 20,
            "a violation has 1 to 20 pointers");
    } else if (!type.subject_field.empty()) {
      holds(!subject_of(type, value).empty(), "valid data has a subject");
    }
  }
}

// What was read can be written and read again.
template <typename Read>
void check_value(const Json& json, Read read) {
  const auto value = read(json);
  if (!value) return check_error(value.error());
  const Json written = to_json(*value);
  const auto again = read(*parse_json(dump(written)));
  holds(again.has_value() && to_json(*again) == written, "a value reads back as it was written");
}

void check_values(const Json& value) {
  check_value(value, [](const Json& json) { return rate_policy_from_json(json); });
  check_value(value, tenant_from_json);
  check_value(value, user_from_json);
  if (const auto user = new_user_from_json(value); !user) check_error(user.error());
  if (const auto patch = user_patch_from_json(value); !patch) check_error(patch.error());
  if (const auto spec = pipeline::replay_spec_from_json(value)) {
    holds(!spec->topic.empty() && !spec->pipeline.empty(), "a replay names topic and pipeline");
    holds(!spec->partition || *spec->partition >= 0, "a partition is a number from 0");
  } else {
    check_error(spec.error());
  }
  if (const auto filter = pipeline::dead_letter_filter_from_json(value); !filter) {
    check_error(filter.error());
  }
}

}  // namespace
}  // namespace mesh::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mesh;
  using namespace mesh::fuzz;
  const auto text = text_of(data, size);
  const auto json = parse_json(text, kLimits);
  if (text.size() <= kLimits.max_bytes) compare_with_library(text, json);
  if (!json) return 0;
  const auto written = dump(*json);
  const auto again = parse_json(written, {.max_depth = 32, .max_bytes = written.size()});
  holds(again == *json, "a value reads back as it was written");
  holds(dump(*again) == written, "a value is written in one way");
  check_members(text, *json);
  check_raw(text, *json);
  check_members(written, *json);
  check_schemas(*json);
  check_values(*json);
  return 0;
}
