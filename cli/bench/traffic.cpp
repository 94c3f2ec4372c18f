#include "cli/bench/traffic.h"

#include "cli/bench/bench_users.h"
#include "common/base/strings.h"
#include "common/load/requests.h"

namespace mesh::cli {
namespace {

constexpr std::uint64_t kUsers = 10'000;  // whom the events are about

}  // namespace

void append_request(std::string& out, std::string_view method, const BenchTarget& target,
                    std::string_view path, std::string_view headers, std::string_view body,
                    std::string_view content_type) {
  out.append(method).append(" ").append(target.prefix).append(path).append(" HTTP/1.1\r\nHost: ");
  out.append(target.host).append("\r\n").append(headers);
  if (!body.empty()) {
    out.append("Content-Type: ").append(content_type).append("\r\nContent-Length: ");
    out.append(std::to_string(body.size())).append("\r\n");
  }
  out.append("\r\n").append(body);
}

MakeRequest publish_requests(std::vector<Actor> actors, BenchTarget target, int batch,
                             std::size_t size) {
  return [=](std::uint64_t n, std::string& out) {
    const auto& headers = actors[n % actors.size()].headers;
    if (batch == 1) {
      append_request(out, "POST", target, "/api/v1/events/analytics", headers,
                     load::event_body(n, kUsers, size));
    } else {
      append_request(out, "POST", target, "/api/v1/events", headers,
                     load::event_lines(n * static_cast<std::uint64_t>(batch), batch, kUsers, size),
                     "application/x-ndjson");
    }
  };
}

MakeRequest create_requests(std::vector<Actor> actors, BenchTarget target, std::string run) {
  return [=](std::uint64_t n, std::string& out) {
    append_request(out, "POST", target, "/users/create", actors[n % actors.size()].headers,
                   load::create_body(bench_user(run, n)));
  };
}

MakeRequest search_requests(std::vector<Actor> actors, BenchTarget target,
                            std::vector<std::vector<std::string>> queries, int limit) {
  // Encoded once, not for each request.
  for (auto& of_tenant : queries) {
    for (auto& query : of_tenant) {
      query = "/ai/users/search?limit=" + std::to_string(limit) + "&query=" + percent_encode(query);
    }
  }
  return [=](std::uint64_t n, std::string& out) {
    const auto& mine = queries[n % actors.size()];
    append_request(out, "GET", target, mine[n / actors.size() % mine.size()],
                   actors[n % actors.size()].headers);
  };
}

}  // namespace mesh::cli
