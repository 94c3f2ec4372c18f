// cpp-httplib's part: the head of a request becomes method and header fields.
#pragma once

#include <memory>
#include <string_view>

#include "common/http/message.h"

namespace mesh::http {

// Any thread.
class HeadParser {
 public:
  HeadParser();
  ~HeadParser();
  // `head` ends with the empty line and has passed RequestReader. Fills method and headers; false
  // where the library refuses it.
  bool parse(std::string_view head, Request& request) const;

 private:
  class Library;
  std::unique_ptr<Library> library_;
};

}  // namespace mesh::http
