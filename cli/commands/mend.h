// Edited dead letters on their way back. Shared by the verbs that mend.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cli/session.h"

namespace mesh::cli {

// A dead letter by its place, and the event to put there as JSON text.
struct Letter {
  std::string topic;
  std::int64_t partition = 0, offset = 0;
  std::string event;        // "null" where its record cannot be decoded and nobody wrote one
  std::string tenant = {};  // that the event names, which the server holds against the letter's
};
// Of a line that `mesh dlq show -o json` could have printed; nothing for any other.
std::optional<Letter> letter_of(std::string_view line);

// Sends it and blocks. `conflict` for a letter that is settled already, `unprocessable` for one
// without an event; else the client's errors.
Result<client::MendedLetter> mend_letter(Session& session, const Letter& letter,
                                         const client::WriteOptions& write);

// Whether the letter was refused, rather than not looked at; then why, in one line.
bool is_refusal(const Error& error);
std::string refusal_text(const Error& error);

}  // namespace mesh::cli
