// A process with one member of a group, for a test that stops it:
//   kafka_member BROKER PREFIX
// It polls two records of topic "t" as a member of group "g", says "polled", and waits for a line.
// Then it commits what it polled, and says what came of it: "committed", or the kind of the error.
#include <iostream>

#include "common/engines/kafka/kafka_log.h"

int main(int count, char** words) {
  using namespace mesh;
  if (count != 3) return 2;
  kafka::KafkaOptions options;
  options.brokers = {words[1]};
  options.prefix = words[2];
  options.request_timeout = Duration(20'000);
  options.session = Duration(3'000);
  options.heartbeat = Duration(50);
  auto log = kafka::KafkaLog::open(options, system_clock());
  if (!log) return 1;
  auto member = (*log)->open_consumer("g", {"t"}, "zombie");
  if (!member) return 1;
  for (std::size_t polled = 0; polled < 2;) {
    const auto records = (*member)->poll({2 - polled}, Duration(60'000));
    if (!records) return 1;
    polled += records->size();
  }
  const auto position = (*member)->position();
  std::cout << "polled" << std::endl;
  std::string line;
  std::getline(std::cin, line);
  const auto committed = (*member)->commit(position);
  std::cout << (committed ? "committed" : to_string(committed.error().kind)) << std::endl;
  std::getline(std::cin, line);
  return 0;
}
