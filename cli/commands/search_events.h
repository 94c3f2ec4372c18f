// Searches over events, and what they share with watches of those that come.
#pragma once

#include <string>
#include <vector>

#include "cli/commands/verb.h"

namespace mesh::cli {

struct EventArgs {
  std::string type;
  std::vector<std::string> filters;
  std::string from, to;
};
// --type and --filter.
void add_event_options(CLI::App& verb, EventArgs& args);
// --min-score, with what it says of itself, and --semantic-ratio. `search` outlives the verb.
void add_score_options(CLI::App& verb, client::SearchOptions& search, const char* min_score);
// `invalid` where something of events is given without a type.
Status none_without_type(const EventArgs& args);
client::Client::EventQuery event_query(const EventArgs& args, std::string text, int limit,
                                       const client::SearchOptions& search);
// "0.612"
std::string score_text(const Json& score);
const View& event_hit_view();
Outcome search_events(Session& session, const client::Client::EventQuery& query);

}  // namespace mesh::cli
