// Reading ranges of topics page by page. All block; errors are the client's.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/client/client.h"

namespace mesh::cli {

struct RecordFilter {
  std::string tenant, type, key;
};

// Adds "type=…", "tenant=…" or "key=…"; `invalid` for other names and for one given twice with
// different values.
Status add_filter(RecordFilter& filter, const std::string& text);

struct TopicRange {
  std::string topic;
  client::Positions from, to;  // of the same partitions; to: exclusive
};

// The first and one past the last offset of every partition. `internal` where the answer names
// none.
Result<TopicRange> whole_topic(client::Client& mesh, const std::string& topic);

// The offsets that a bound ("start", "end", "1234", "@-1h", "@2026-11-21T08:00:00Z") means, in a
// topic whose whole range is known.
Result<client::Positions> resolve_bound(client::Client& mesh, const TopicRange& whole,
                                        const std::string& bound);

// Gives every matching record of the ranges to `take`, by time across partitions and
// topics, until it answers false.
Status read_ranges(client::Client& mesh, const std::vector<TopicRange>& ranges,
                   const RecordFilter& filter, const std::function<bool(Json)>& take);

// The last `count` matching records of the ranges, by time: looks back in steps that grow.
Result<std::vector<Json>> last_records(client::Client& mesh, const std::vector<TopicRange>& ranges,
                                       const RecordFilter& filter, std::size_t count);

// For a look that found nothing: the server's `not_found` where the filter names a tenant that does
// not exist. Of an empty range the server was asked for nothing, and could not say so.
Status tenant_exists(client::Client& mesh, const RecordFilter& filter);

}  // namespace mesh::cli
