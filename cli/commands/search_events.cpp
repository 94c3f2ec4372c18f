#include "cli/commands/search_events.h"

#include <cstdio>

#include "cli/render/width.h"
#include "common/base/strings.h"

namespace mesh::cli {
namespace {

// The API parts conditions by semicolons. What stands behind a backslash is a character as any
// other already, and a backslash that ends a condition must not touch the next.
std::string joined(const std::vector<std::string>& filters) {
  std::string all;
  for (const std::string& filter : filters) {
    if (!all.empty()) all += ';';
    for (std::size_t i = 0; i < filter.size(); ++i) {
      const bool escapes = filter[i] == '\\' && i + 1 < filter.size();
      if (filter[i] == ';' || (filter[i] == '\\' && !escapes)) all += '\\';
      all += filter[i];
      if (escapes) all += filter[++i];
    }
  }
  return all;
}

}  // namespace

std::string score_text(const Json& score) {
  if (!score.is_number()) return plain_text(score);
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", score.get<double>());
  return text;
}

const View& event_hit_view() {
  static const View view{
      "event_id",
      {{"time", "TIME", "when it happened", Field::Show::always, Field::Kind::time},
       {"score", "SCORE",
        "likeness to the query by meaning and letters, 1 at most; 0: by words alone",
        Field::Show::always, Field::Kind::text, score_text},
       {"title", "TEXT", "the beginning of its text"},
       {"subject", "USER", "the user whom it is of", Field::Show::wide},
       {"words", "WORDS", "BM25 of the query's words", Field::Show::wide},
       {"rank_score", "RANK", "what the hits are ordered by", Field::Show::wide},
       {"fields", "FIELDS", "what filters ask for", Field::Show::never, Field::Kind::json},
       {"topic", "TOPIC", "where it is in the log", Field::Show::wide},
       {"partition", "PARTITION", "its partition there", Field::Show::wide},
       {"offset", "OFFSET", "its offset there", Field::Show::wide},
       {"event_id", "EVENT", "its id, as `mesh trace` takes it", Field::Show::wide}}};
  return view;
}

void add_event_options(CLI::App& verb, EventArgs& args) {
  verb.add_option("--type", args.type, "Events of this type, such as analytics.recorded")
      ->type_name("TYPE");
  verb.add_option(
          "--filter", args.filters,
          "Of events: a condition such as country=DE, country=DE|AT, amount>=10; repeatable")
      ->check(CLI::Validator(
          [](const std::string& text) {
            return text.empty() ? "is empty; leave it out to find whatever its fields are" : "";
          },
          {}))
      ->type_name("CONDITION")
      ->allow_extra_args(false);
}

void add_score_options(CLI::App& verb, client::SearchOptions& search, const char* min_score) {
  verb.add_option("--min-score", search.min_score, min_score)
      ->check(number_between(-1, 1))
      ->type_name("S");
  verb.add_option(
          "--semantic-ratio", search.semantic_ratio,
          "How much of the score is meaning, 0 to 1, the rest letters; of embedders that have both")
      ->check(number_between(0, 1))
      ->type_name("R");
}

Status none_without_type(const EventArgs& args) {
  if (args.filters.empty() && args.from.empty() && args.to.empty()) return {};
  return fail(ErrorKind::invalid,
              "--filter, --from and --to are of searches for events: name their type with --type");
}

client::Client::EventQuery event_query(const EventArgs& args, std::string text, int limit,
                                       const client::SearchOptions& search) {
  return {.type = args.type,
          .text = std::move(text),
          .filter = joined(args.filters),
          .from = args.from,
          .to = args.to,
          .limit = limit,
          .min_score = search.min_score,
          .semantic_ratio = search.semantic_ratio};
}

Outcome search_events(Session& session, const client::Client::EventQuery& query) {
  const auto [hits, vectors] = MESH_TRY(session.mesh->search_events(query));
  if (!vectors.empty()) {
    session.out.note("mesh: found by words alone, since the search by vectors is " +
                     printable(vectors));
  }
  session.out.items(event_hit_view(), hits);
  return Exit::ok;
}

}  // namespace mesh::cli
