// The head of a request, once it is whole, becomes method, target and header fields.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/http/message.h"

namespace mesh::http {

// Any thread. The one place that uses cpp-httplib; its source says for what.
class HeadParser {
 public:
  HeadParser();
  ~HeadParser();
  // `head` has passed RequestReader and ends with the empty line. Fills method and headers of the
  // request; false where the library refuses the request line.
  bool parse(std::string_view head, Request& request, std::string& target) const;

 private:
  class Library;
  std::unique_ptr<Library> library_;
};

}  // namespace mesh::http
