// How many event streams may be open at once: of one listener, and of one tenant. Those in nobody's
// name, which are operators', count apart, so that tenants' do not keep them out where one listener
// serves both.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "common/http/message.h"

namespace mesh::http {

// Any thread.
class StreamPlaces {
 public:
  StreamPlaces(int most, int most_of_tenant) : most_(most), most_of_tenant_(most_of_tenant) {}

  // Takes a place on the listener in the name of `tenant` ("": of nobody). Where there is none, the
  // answer that says so: 429 where the tenant has too many, 503 where all tenants together do, or
  // all that are nobody's.
  std::optional<Response> take(const std::string& listener, const std::string& tenant);
  void give_back(const std::string& listener, const std::string& tenant);

 private:
  using Counts = std::unordered_map<std::string, int>;

  const int most_, most_of_tenant_;
  std::mutex mutex_;
  Counts listeners_;  // of tenants' streams; this and the following guarded by mutex_
  Counts nobodys_;    // by listener, too
  Counts tenants_;    // only those that have some
};

}  // namespace mesh::http
