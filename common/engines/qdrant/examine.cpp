#include "common/engines/qdrant/examine.h"

#include "common/base/http_date.h"
#include "common/engines/qdrant/answers.h"

namespace mesh::qdrant {
namespace {

// Of what only a key that may write does: it changes no alias.
const Call kNoChange{"POST", "/collections/aliases", R"({"actions":[]})"};
constexpr std::chrono::seconds kDateStep{1};

ServerFinding permissions(Server& server) {
  const auto answer = server.look(kNoChange);
  if (!answer) return unseen("permissions", no_answer(kNoChange, answer.error()).value(), "");
  if (answer->status != 401 && answer->status != 403) {
    return {"permissions", true, "the mesh may write", ""};
  }
  return unseen("permissions", result_of(kNoChange, *answer).error(),
                "put the key of service.api_key into qdrant.api_key_file, or a token of access m");
}

}  // namespace

std::vector<ServerFinding> examine(Server& server, Clock& clock) {
  const Call root{"GET", "/"};
  const Timestamp asked = clock.now();
  const auto answer = server.look(root);
  const Timestamp answered = clock.now();
  if (!answer) {
    return {unseen("connection", no_answer(root, answer.error()).value(),
                   "is it running, and is qdrant.url its address?")};
  }
  std::vector<ServerFinding> all;
  const auto version = version_of(*answer);
  all.push_back(version ? ServerFinding{"version", true, version->text + ", supported", ""}
                        : unseen("version", version.error(), "take 1.16 or a newer 1.x"));
  all.push_back(permissions(server));
  const auto date = header(*answer, "date");
  const auto theirs = date ? parse_http_date(*date) : std::nullopt;
  if (theirs) all.push_back(clock_finding(*theirs, kDateStep, asked, answered));
  return all;
}

}  // namespace mesh::qdrant
