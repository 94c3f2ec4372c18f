// Texts that parsers, stores and shells have tripped over, and bytes of none.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tests/hostile/random.h"

namespace mesh::hostile {

inline const std::vector<std::string> kNasty{"",
                                             " ",
                                             "'",
                                             "\"",
                                             "' OR '1'='1",
                                             "1; DROP TABLE users",
                                             "%",
                                             "_",
                                             "*",
                                             "?",
                                             "../../etc/passwd",
                                             "..%2f..%2f",
                                             "%00",
                                             "%0d%0aX-Injected: 1",
                                             "%c0%ae%c0%ae/",
                                             "%ff",
                                             "%zz",
                                             "%",
                                             "%2",
                                             "%2525",
                                             "\xef\xbb\xbf",
                                             "\xff\xfe",
                                             "\xc0\xa0",
                                             "\xed\xa0\x80",
                                             "${jndi:ldap://127.0.0.1/a}",
                                             "{{7*7}}",
                                             "<script>alert(1)</script>",
                                             "0",
                                             "-1",
                                             "1e9",
                                             "9223372036854775807",
                                             "9223372036854775808",
                                             "99999999999999999999",
                                             "NaN",
                                             "null",
                                             "true",
                                             "acme",
                                             "acme/1",
                                             "acme%2f1",
                                             "evil",
                                             "ACME",
                                             "acme,evil",
                                             "acme evil",
                                             "acme.",
                                             "*acme"};

inline std::string random_bytes(Random& random, std::size_t n) {
  std::string text;
  for (std::size_t i = 0; i < n; ++i) text += static_cast<char>(random.next());
  return text;
}

}  // namespace mesh::hostile
