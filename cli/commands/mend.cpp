#include "cli/commands/mend.h"

#include "cli/render/view.h"
#include "common/domain/catalogue.h"

namespace mesh::cli {

std::optional<Letter> letter_of(std::string_view line) {
  if (line.find("\"cause_class\"") == line.npos) return std::nullopt;  // of most lines, at no cost
  // No event and no record has these members together, under the topic of dead letters.
  const auto json = parse_json(line);
  if (!json || !json->is_object() || !json->contains("event") || !json->contains("cause_class")) {
    return std::nullopt;
  }
  const Json &topic = at_path(*json, "topic"), &partition = at_path(*json, "partition"),
             &offset = at_path(*json, "offset");
  if (!topic.is_string() || !is_dead_letter_topic(topic.get_ref<const std::string&>()) ||
      !partition.is_number_integer() || !offset.is_number_integer()) {
    return std::nullopt;
  }
  // The event's own text, so that numbers and their digits stay as they stand.
  return Letter{topic.get<std::string>(), partition.get<std::int64_t>(), offset.get<std::int64_t>(),
                std::string(member_text(line, "event")),
                plain_text(at_path((*json)["event"], "tenantid"))};
}

Result<client::MendedLetter> mend_letter(Session& session, const Letter& letter,
                                         const client::WriteOptions& write) {
  if (letter.event == "null") {
    return fail(
        ErrorKind::unprocessable,
        "the letter's record cannot be decoded, so it has no event: put one under \"event\", "
        "or use `mesh dlq edit`");
  }
  return session.mesh->mend(letter.topic, letter.partition, letter.offset, letter.event, write);
}

bool is_refusal(const Error& error) {
  // What the letter itself is to blame for: the next one may do. Any other error, as of a
  // credential or a server that is away, would meet all that follow.
  return error.kind == ErrorKind::unprocessable || error.kind == ErrorKind::invalid ||
         error.kind == ErrorKind::conflict || error.kind == ErrorKind::not_found ||
         error.kind == ErrorKind::too_large;
}

std::string refusal_text(const Error& error) {
  std::string text = error.message;
  for (const auto& field : error.fields) {
    text += "; " + (field.pointer.empty() ? "" : field.pointer + " ") + field.detail;
  }
  return text;
}

}  // namespace mesh::cli
