// How a request of the generator is written, and what of its framing is changed.
#include <algorithm>
#include <cstdio>

#include "tests/hostile/generator.h"
#include "tests/hostile/nasty.h"

namespace mesh::hostile {

std::string Generator::write(Draft& draft, Random& random) const {
  if (random.one_in(30)) {
    draft.version =
        random.pick(std::vector<std::string>{"HTTP/1.0", "HTTP/1.0", "HTTP/2.0", "HTTP/0.9",
                                             "HTTP/1.2", "http/1.1", "HTTP/1.1 ", "HTTP/11", ""});
    draft.tell("version " + draft.version);
  }
  std::string bytes = draft.method + " " + draft.target + " " + draft.version + "\r\n";
  const bool has_body = !draft.body.empty();
  draft.chunked = has_body && random.one_in(6);
  for (const auto& [name, value] : draft.headers) bytes += name + ": " + value + "\r\n";
  if (!has_body) return bytes + "\r\n";
  if (!draft.chunked)
    return bytes + "Content-Length: " + std::to_string(draft.body.size()) + "\r\n\r\n" + draft.body;
  draft.tell("chunked");
  bytes += "Transfer-Encoding: chunked\r\n\r\n";
  for (std::string_view rest = draft.body; !rest.empty();) {
    const auto size = std::min(rest.size(), 1 + random.below(rest.size() > 5000 ? 100'000 : 64));
    char digits[32];
    std::snprintf(digits, sizeof digits, random.one_in(2) ? "%zx" : "%04zX", size);
    bytes += std::string(digits) + (random.one_in(4) ? ";ext=\"v\"" : "") + "\r\n";
    bytes.append(rest.substr(0, size)).append("\r\n");
    rest.remove_prefix(size);
  }
  bytes += "0\r\n";
  if (random.one_in(4))
    bytes += random.pick(std::vector<std::string>{"X-Tenant-Id: acme\r\n",
                                                  "Authorization: Bearer acme:alice\r\n",
                                                  "Content-Length: 9\r\n", "bad trailer\r\n"});
  return bytes + "\r\n";
}

// What a proxy in front might read otherwise than we do: any number of answers, but of nobody else.
void Generator::change_framing(Draft& draft, std::string& bytes, Random& random) const {
  if (draft.method == "HEAD") return;  // whether a further answer has a body could not be told
  draft.counted = false;
  const auto end_of_line = bytes.find("\r\n") + 2;
  const std::string smuggled =
      "GET /users?limit=1000 HTTP/1.1\r\nHost: t\r\nX-Tenant-Id: acme\r\nAuthorization: Bearer " +
      random.pick(forgeries_).token + "\r\n\r\n";
  const auto insert_field = [&](const std::string& field) {
    bytes.insert(end_of_line, field + "\r\n");
  };
  switch (random.below(12)) {
    case 0:
      draft.tell("framing: two lengths");
      insert_field("Content-Length: 0");
      bytes += smuggled;
      break;
    case 1:
      draft.tell("framing: length and chunks");
      insert_field("Transfer-Encoding: chunked");
      insert_field("Content-Length: 4");
      bytes += "0\r\n\r\n" + smuggled;
      break;
    case 2:
      draft.tell("framing: odd length");
      insert_field("Content-Length: " + random.pick(std::vector<std::string>{
                                            "-1", "+5", "0x10", "5, 5", "5,6", " ", "1e3",
                                            "18446744073709551617", "9999999999"}));
      bytes += smuggled;
      break;
    case 3:
      draft.tell("framing: odd coding");
      insert_field(random.pick(std::vector<std::string>{
          "Transfer-Encoding: xchunked", "Transfer-Encoding: chunked, identity",
          "Transfer-Encoding : chunked", "Transfer-Encoding:\tchunked",
          "Transfer-Encoding: \x0b"
          "chunked",
          "Transfer-Encoding: gzip, chunked", "X: y\nTransfer-Encoding: chunked",
          "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"}));
      bytes += "0\r\n\r\n" + smuggled;
      break;
    case 4:
      draft.tell("framing: smuggled behind");
      bytes += smuggled;
      break;
    case 5:
      draft.tell("framing: bare LF");
      for (std::size_t i; (i = bytes.find("\r\n")) != std::string::npos;) bytes.erase(i, 1);
      break;
    case 6:
      draft.tell("framing: cut");
      bytes.resize(random.below(bytes.size()));
      break;
    case 7:
      draft.tell("framing: bits");
      for (int i = 0; i < 3; ++i) {
        auto& c = bytes[random.below(bytes.size())];
        c = static_cast<char>(c ^ (1 << random.below(8)));
      }
      break;
    case 8:
      draft.tell("framing: bytes");
      bytes.insert(random.below(bytes.size()), random_bytes(random, 1 + random.below(40)));
      break;
    case 9:
      draft.tell("framing: removed");
      bytes.erase(random.below(bytes.size()), 1 + random.below(40));
      break;
    case 10:
      draft.tell("framing: chunk sizes");
      bytes = bytes.substr(0, bytes.find("\r\n\r\n")) + "\r\nTransfer-Encoding: chunked\r\n\r\n" +
              random.pick(std::vector<std::string>{
                  "-2\r\n", "fffffffffffffffff\r\n", "0x5\r\nhello\r\n", "5\r\nhello!\r\n",
                  "5 \r\nhello\r\n", "\r\n", "5;\n\r\nhello\r\n", "7fffffff\r\nx",
                  std::string(5000, '0') + "\r\n"}) +
              "0\r\n\r\n" + smuggled;
      break;
    default:
      draft.tell("framing: noise before");
      bytes.insert(0, random.pick(std::vector<std::string>{
                          "\r\n\r\n", "\n", " ", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                          "\x16\x03\x01\x02", "GET / HTTP/1.1\r\n"}));
  }
}

}  // namespace mesh::hostile
