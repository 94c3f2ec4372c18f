#include "tests/hostile/campaign.h"

#include <cstdio>
#include <thread>

#include "tests/hostile/oracle.h"

namespace mesh::hostile {
namespace {

constexpr std::uint64_t kVolley = 24;  // shots that a thread takes at once, pipelined by listener
constexpr std::size_t kMostFailures = 5;

}  // namespace

// One thread's connections.
class Campaign::Gunner {
 public:
  explicit Gunner(Campaign& campaign) : campaign_(campaign) {}

  void fire(std::uint64_t first, std::uint64_t end) {
    std::map<std::string, std::vector<Numbered>> volleys;
    for (auto index = first; index < end; ++index) {
      Shot shot = campaign_.generator_.make(index);
      if (shot.counted) {
        volleys[shot.role].push_back({index, std::move(shot)});
      } else {
        fire_alone(index, shot);
      }
    }
    for (auto& [role, shots] : volleys) fire_pipelined(role, shots);
  }
  test::RawClient::Received fire_alone(std::uint64_t index, const Shot& shot) {
    test::RawClient wire(campaign_.addresses_.at(shot.role));
    auto received = wire.exchange_to_end(shot.bytes);
    const auto complain = [&](const std::string& what) {
      campaign_.fail(what, {index}, shot, received.bytes);
    };
    if (!received.malformed.empty()) complain("not an HTTP answer: " + received.malformed);
    if (received.impatient) complain("the connection was not ended");
    if (const auto leak = find_secret(received.bytes); !leak.empty())
      complain("A SECRET OF THE VICTIM: " + leak);
    bool closed = false;
    for (const auto& answer : received.answers) {
      ++statuses[answer.status];
      if (closed) complain("an answer after the last");
      closed = answer.closes;
      if (const auto what = offence_of(shot, answer); !what.empty()) complain(what);
    }
    return received;
  }

  std::map<int, std::uint64_t> statuses;

 private:
  struct Numbered {
    std::uint64_t index;
    Shot shot;
  };

  // Those behind an answer that ends the connection were not read; they are sent again.
  void fire_pipelined(const std::string& role, const std::vector<Numbered>& shots) {
    for (std::size_t at = 0; at < shots.size();) {
      std::string bytes;
      std::vector<bool> heads;
      std::vector<std::uint64_t> indices;
      for (std::size_t i = at; i < shots.size(); ++i) {
        bytes += shots[i].shot.bytes;
        heads.push_back(shots[i].shot.head);
        indices.push_back(shots[i].index);
      }
      test::RawClient& wire = connection(role);
      const auto received = wire.exchange(bytes, heads);
      if (!received.answers.empty() && received.answers.back().closes)
        wire = test::RawClient(campaign_.addresses_.at(role));
      for (std::size_t i = 0; i < received.answers.size() && at + i < shots.size(); ++i) {
        const auto& answer = received.answers[i];
        ++statuses[answer.status];
        if (answer.closes && i + 1 != received.answers.size()) {
          campaign_.fail("an answer after the last", indices, shots[at + i].shot, received.bytes);
        }
        if (const auto what = offence_of(shots[at + i].shot, answer); !what.empty()) {
          campaign_.fail(what, {shots[at + i].index}, shots[at + i].shot, answer.body);
        }
      }
      const auto done = std::min(received.answers.size(), shots.size() - at);
      const auto& last = shots[std::min(at + done, shots.size() - 1)].shot;
      if (const auto leak = find_secret(received.bytes); !leak.empty()) {
        campaign_.fail("A SECRET OF THE VICTIM: " + leak, indices, last, received.bytes);
      }
      if (!received.malformed.empty()) {
        campaign_.fail("not an HTTP answer: " + received.malformed, indices, last, received.bytes);
      } else if (received.impatient) {
        campaign_.fail("no answer", indices, last, received.bytes);
      } else if (done == 0) {
        campaign_.fail("the connection ended without an answer", indices, last, received.bytes);
      }
      if (campaign_.failed_) return;
      at += done;
    }
  }

  test::RawClient& connection(const std::string& role) {
    const auto it = wires_.find(role);
    if (it != wires_.end() && it->second.connected()) return it->second;
    return wires_.insert_or_assign(role, test::RawClient(campaign_.addresses_.at(role)))
        .first->second;
  }

  Campaign& campaign_;
  std::map<std::string, test::RawClient> wires_;
};

Campaign::Campaign(World& world, const Generator& generator, std::uint64_t seed)
    : generator_(generator), seed_(seed), reads_(world.victim_reads()) {
  for (const auto& role : kRoles) addresses_[role] = world.daemon.address(role);
}

void Campaign::fail(const std::string& what, const std::vector<std::uint64_t>& indices,
                    const Shot& shot, std::string_view came) {
  failed_ = true;
  std::string text = what + "\n  " + shot.role + ": " + shot.story +
                     "\n  again: ./scripts/hostile --seed " + std::to_string(seed_) + " --only " +
                     std::to_string(indices.front());
  if (indices.size() > 1) {
    text += "\n  pipelined:";
    for (const auto index : indices) text += " " + std::to_string(index);
  }
  text += "\n--- request\n" + printable(shot.bytes) + "\n--- what came back\n" + printable(came) +
          "\n---\n";
  std::lock_guard lock(mutex_);
  if (failures_.size() < kMostFailures) failures_.push_back(std::move(text));
}

void Campaign::count(const std::map<int, std::uint64_t>& statuses) {
  std::lock_guard lock(mutex_);
  for (const auto& [status, n] : statuses) statuses_[status] += n;
}

void Campaign::run(std::uint64_t count_of_shots, int threads) {
  std::atomic<bool> over{false};
  std::thread reader([&] { victim(over); });
  std::vector<std::thread> gunners;
  for (int i = 0; i < threads; ++i) {
    gunners.emplace_back([&] {
      Gunner gunner(*this);
      try {
        while (!failed_) {
          const auto first = next_.fetch_add(kVolley);
          if (first >= count_of_shots) break;
          gunner.fire(first, std::min(first + kVolley, count_of_shots));
        }
      } catch (const std::exception& e) {
        fail(std::string("exception: ") + e.what(), {next_.load()}, {}, {});
      }
      count(gunner.statuses);
    });
  }
  for (auto& gunner : gunners) gunner.join();
  over = true;
  reader.join();
}

void Campaign::run_only(std::uint64_t index) {
  const Shot shot = generator_.make(index);
  Gunner gunner(*this);
  const auto received = gunner.fire_alone(index, shot);
  std::printf("%s: %s\n--- request\n%s\n--- what came back\n%s\n---\n", shot.role.c_str(),
              shot.story.c_str(), printable(shot.bytes, 100'000).c_str(),
              printable(received.bytes, 100'000).c_str());
  count(gunner.statuses);
}

// The same connections' worth of buffers, answers and workers serve the victim all the while.
void Campaign::victim(const std::atomic<bool>& over) {
  std::map<std::string, test::RawClient> wires;
  try {
    for (std::size_t i = 0; !over && !failed_; ++i) {
      const auto& read = reads_[i % reads_.size()];
      auto it = wires.find(read.role);
      if (it == wires.end())
        it = wires.emplace(read.role, test::RawClient(addresses_.at(read.role))).first;
      const auto received = it->second.exchange(read.bytes, {false});
      if (received.answers.size() != 1 || received.answers[0].status != 200 ||
          received.answers[0].body != read.body) {
        fail("the victim's own read was answered otherwise", {next_.load()},
             {read.role, read.bytes, true, false, true, "the victim's read"}, received.bytes);
      }
    }
  } catch (const std::exception& e) {
    fail(std::string("exception of the victim: ") + e.what(), {next_.load()}, {}, {});
  }
}

}  // namespace mesh::hostile
