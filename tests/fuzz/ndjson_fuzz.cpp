// Lines of events: each line is taken as if it came alone, and one bad line takes none.
#include "tests/fuzz/events.h"

namespace mesh::fuzz {
namespace {

Result<std::vector<Event>> read(std::string_view lines) {
  return services::read_events(request_of("application/x-ndjson", lines), kRules, kNow);
}

}  // namespace
}  // namespace mesh::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mesh;
  using namespace mesh::fuzz;
  const auto body = text_of(data, size);
  auto events = read(body);
  if (!events) check_refusal(events.error());

  std::vector<Event> alone;
  bool all_good = true;
  std::size_t number = 0;
  for (const auto& line : split(body, '\n')) {
    ++number;
    if (trim(line).empty()) continue;
    auto one = read(line);
    all_good &= one.has_value();
    if (one) {
      holds(one->size() == 1, "a line is one event");
      alone.push_back(std::move(one->front()));
    }
  }
  if (!events) {
    for (const auto& field : events.error().fields) {
      const auto line = parse_int(field.pointer.substr(1, field.pointer.find('/', 1) - 1));
      holds(line && *line >= 1 && *line <= static_cast<std::int64_t>(number),
            "an offence names its line");
    }
    holds(!all_good || alone.empty() || alone.size() > kRules.max_events,
          "lines that are good alone are good together");
    return 0;
  }
  holds(all_good && alone.size() == events->size(), "one bad line takes none");
  for (std::size_t i = 0; i < alone.size(); ++i) {
    Event& event = (*events)[i];
    holds(same(event, alone[i]), "a line means the same alone");
    if (event.id.empty()) event.id = "given by the publisher";
    check_event(event);
  }
  return 0;
}
