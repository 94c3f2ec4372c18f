// --wait and --ack of the verbs that write.
#pragma once

#include <CLI/CLI.hpp>
#include <span>
#include <string>

#include "cli/session.h"
#include "common/client/client.h"

namespace mesh::cli {

// The words of --ack, the most that a write becomes last, which is what --wait alone waits for.
inline constexpr const char* kTenantAcks[] = {"log"};
inline constexpr const char* kUserAcks[] = {"log", "searchable"};
inline constexpr const char* kEventAcks[] = {"log", "counted"};
// Of an event of any topic, which becomes one of the two.
inline constexpr const char* kLetterAcks[] = {"log", "searchable", "counted"};

struct WaitOptions {
  std::string wait;  // a duration; empty: none was asked for
  std::string ack;
};
// --wait[=DURATION]; `what` says what it waits for.
void add_wait(CLI::App& verb, std::string& wait, const std::string& what);
// --wait and --ack, of these words.
void add_wait(CLI::App& verb, WaitOptions& options, const std::string& what,
              std::span<const char* const> acks);

// The seconds of --wait; `invalid` for what is no duration.
Result<std::optional<std::int64_t>> wait_seconds(const std::string& wait);
Status set_wait(client::WriteOptions& write, const WaitOptions& options);

// How a verb ends whose write is durable: where it did not see in time what it waited for, a note
// says so and it is `timed_out`.
Exit seen(Session& session, const client::Written& written);

// `row` with the position of the write, for scripts that hand it to `mesh search --min-position`.
Json with_position(Json row, const client::Written& written);
Field position_field();

}  // namespace mesh::cli
