#include "daemon/metering/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>

#include "common/base/fd.h"
#include "common/base/ids.h"
#include "common/base/json_members.h"
#include "common/base/strings.h"
#include "common/base/time.h"

namespace mesh::metering {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEnding = ".period";
constexpr std::size_t kDigits = 12;  // so that names sort as numbers do

// What the journal counts, in its order.
constexpr std::array<UsageKind, kBilledUses> kKinds{
    UsageKind::events,           UsageKind::bytes,       UsageKind::searches,
    UsageKind::embedding_tokens, UsageKind::chat_tokens, UsageKind::chat_cost};

std::string name_of(const std::string& journal, std::uint64_t number) {
  std::string digits = std::to_string(number);
  digits.insert(0, kDigits - std::min(kDigits, digits.size()), '0');
  return journal + "-" + digits + std::string(kEnding);
}

std::int64_t seconds_of(const UsageJournal::Period& period) {
  // What was counted while the clock stood in a minute is that minute's, though it is not over.
  const auto end = std::chrono::floor<std::chrono::minutes>(period.end);
  const auto time = std::chrono::duration_cast<std::chrono::seconds>(end - period.start);
  return std::max<std::int64_t>(time.count(), 60);
}

Json to_json(const UsageJournal::Period& period, const std::string& process) {
  Json usage = Json::object();
  for (const auto& row : period.rows) {
    Json& amounts = usage[row.tenant] = Json::object();
    for (std::size_t i = 0; i < kBilledUses; ++i) {
      if (row.used[i] > 0) amounts[std::string(to_string(kKinds[i]))] = row.used[i];
    }
  }
  return {{"journal", period.journal},
          {"number", period.number},
          {"process", process},
          {"start", format_rfc3339(period.start)},
          {"seconds", seconds_of(period)},
          {"end", format_rfc3339(period.end)},
          {"usage", std::move(usage)}};
}

tl::unexpected<Error> failed(const std::string& path) {
  return fail(ErrorKind::unavailable, "cannot write " + path + ": " + std::strerror(errno));
}

// The entry of a name is durable once its folder is.
Status sync_folder(const std::string& folder) {
  const Fd opened(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened || fsync(opened.get()) != 0) return failed(folder);
  return {};
}

Status write_file(const std::string& path, std::string_view text) {
  const Fd file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file) return failed(path);
  while (!text.empty()) {
    const ssize_t n = ::write(file.get(), text.data(), text.size());
    if (n < 0 && errno != EINTR) return failed(path);
    if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
  }
  if (fdatasync(file.get()) != 0) return failed(path);
  return {};
}

// Nothing where there is no such file.
Result<std::optional<std::string>> read_file(const std::string& path) {
  const auto unreadable = [&] {
    return fail(ErrorKind::unavailable, "cannot read " + path + ": " + std::strerror(errno));
  };
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file && errno == ENOENT) return std::nullopt;
  if (!file) return unreadable();
  std::string text;
  char part[65536];
  for (;;) {
    const ssize_t n = ::read(file.get(), part, sizeof part);
    if (n == 0) return text;
    if (n < 0 && errno != EINTR) return unreadable();
    if (n > 0) text.append(part, static_cast<std::size_t>(n));
  }
}

Result<std::vector<UsageIncrement>> increments_of(const Json& json) {
  const auto start = MESH_TRY(parse_rfc3339(json.at("start").get<std::string>()));
  const auto end = MESH_TRY(parse_rfc3339(json.at("end").get<std::string>()));
  const std::string period = "usage:" + json.at("journal").get<std::string>() + ":" +
                             std::to_string(json.at("number").get<std::uint64_t>()) + ":";
  std::vector<UsageIncrement> all;
  for (const auto& [name, amounts] : json.at("usage").items()) {
    auto tenant = MESH_TRY(TenantId::parse(name));
    UsageIncrement increment{uuid_v7_of(end, period + name),
                             std::move(tenant),
                             end,
                             start,
                             json.at("seconds").get<std::int64_t>(),
                             json.at("process").get<std::string>(),
                             {}};
    for (const UsageKind kind : kKinds) {
      increment.amounts[kind] = amounts.value(std::string(to_string(kind)), std::int64_t{0});
    }
    all.push_back(std::move(increment));
  }
  return all;
}

}  // namespace

Status Spool::keep(const UsageJournal::Period& period, const std::string& process) const {
  const std::string name = name_of(period.journal, period.number), draft = path(name) + ".new";
  MESH_TRY(write_file(draft, dump(to_json(period, process)) + "\n"));
  if (rename(draft.c_str(), path(name).c_str()) != 0) return failed(path(name));
  return sync_folder(folder_);
}

bool Spool::has(const std::string& journal, std::uint64_t number) const {
  return fs::exists(path(name_of(journal, number)));
}

std::vector<std::string> Spool::names() const {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    if (entry.path().extension() == kEnding) names.push_back(entry.path().filename());
  }
  std::ranges::sort(names);
  return names;
}

Result<std::vector<UsageIncrement>> Spool::read(const std::string& name) const {
  const auto text = MESH_TRY(read_file(path(name)));
  if (!text) return std::vector<UsageIncrement>();
  constexpr JsonLimits kLimits{.max_bytes = std::size_t{1} << 30};
  const auto json = parse_json(*text, kLimits);
  if (json) {
    // Its own text, so that a member that is missing is damage.
    try {
      if (auto all = increments_of(*json)) return all;
    } catch (const Json::exception&) {
    }
  }
  return fail(ErrorKind::corrupt, path(name) + " is damaged");
}

void Spool::remove(const std::string& name) const { unlink(path(name).c_str()); }

void Spool::set_aside(const std::string& name) const {
  rename(path(name).c_str(), (path(name) + ".damaged").c_str());
}

}  // namespace mesh::metering
