// The requests of a load. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/bench/actors.h"
#include "cli/bench/target.h"

namespace mesh::cli {

// Appends a request; `headers` are whole lines.
void append_request(std::string& out, std::string_view method, const BenchTarget& target,
                    std::string_view path, std::string_view headers, std::string_view body = {},
                    std::string_view content_type = "application/json");

// Makes request n. Tenants take turns.
using MakeRequest = std::function<void(std::uint64_t number, std::string& out)>;

// Events of analytics.events, `batch` a request, filled up to `size` bytes each.
MakeRequest publish_requests(std::vector<Actor> actors, BenchTarget target, int batch,
                             std::size_t size);
// Users of the run, each with an address of its own.
MakeRequest create_requests(std::vector<Actor> actors, BenchTarget target, std::string run);
// queries[i] are what actors[i] looks for; none is empty.
MakeRequest search_requests(std::vector<Actor> actors, BenchTarget target,
                            std::vector<std::vector<std::string>> queries, int limit);

}  // namespace mesh::cli
