// A Qdrant server for tests: the one that $MESH_TEST_QDRANT_URL names (with the key
// $MESH_TEST_QDRANT_API_KEY), or a peer of the test's own (tests/peers/qdrant) on a free port of
// loopback.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "common/base/fd.h"
#include "common/base/json.h"
#include "common/http/client.h"

namespace mesh::test {

class QdrantServer {
 public:
  // Whether there is one; kMissing where not.
  static bool installed();
  static constexpr const char* kMissing =
      "no Qdrant here: set MESH_TEST_QDRANT_URL, or let tests/peers/qdrant/install make a peer in "
      "BUILD/qdrant-peer, as ./scripts/test does";
  // The one that $MESH_TEST_QDRANT_URL names: no peer is started.
  static bool real();

  explicit QdrantServer(const std::string& version = "1.19.0", const std::string& api_key = {});
  ~QdrantServer();
  QdrantServer(const QdrantServer&) = delete;
  QdrantServer& operator=(const QdrantServer&) = delete;

  // Of a peer: SIGSTOP, so that it accepts connections and answers nothing. A real one goes on.
  void pause();
  void resume();

  const std::string& url() const { return url_; }
  int port() const;  // of the URL, which has to name one
  const std::string& api_key() const { return api_key_; }
  // The answer, whatever its status; null where it is no JSON.
  Json ask(const std::string& method, const std::string& path, const Json& body = {});
  std::vector<std::string> collections(const std::string& prefix);
  void drop_collections(const std::string& prefix);

 private:
  void start_peer(const std::string& version);

  std::string url_, api_key_;
  pid_t pid_ = -1;
  Fd input_;  // the peer ends with it
  http::Client client_;
};

// A prefix of collections that no other test, and no other run, has.
std::string own_prefix();

}  // namespace mesh::test
