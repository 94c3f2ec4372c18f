// What causes of failures have in common: one fault gives many texts, which differ in ids, numbers
// and what they quote. Pure.
#pragma once

#include <string>
#include <string_view>

namespace mesh {

// The text without what is of one event alone: words with a digit, addresses (URLs, what has an @)
// and lists of them are "#", what stands in quotes is gone from between them. The status that a
// server answered tells faults apart and stays: three digits behind "HTTP", "status", "code",
// "answered", "returned", "responded" or "with".
//
//   field "age" of order-4711 is 17, 18  →  field "" of # is #
//   HTTP 503 after 12 tries              →  HTTP 503 after # tries
//
// Never longer than `text`; of what it answered it answers the same again.
std::string general_cause(std::string_view text);

// Names the group of failures that a class and a text belong to: 12 digits of lower-case hex. Equal
// classes and general causes have equal fingerprints, on every machine; others almost never.
std::string cause_fingerprint(std::string_view cause_class, std::string_view text);

}  // namespace mesh
