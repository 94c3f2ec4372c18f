// The few grammar rules of HTTP/1.1 that more than one file of this room needs.
#pragma once

#include <string_view>

namespace mesh::http {

// RFC 9110 §5.6.2: one or more token characters (methods, field names).
bool is_token(std::string_view text);
// RFC 9110 §5.5: no control characters but tab.
bool is_field_value(std::string_view text);
// ASCII letters only; other bytes must be equal.
bool equal_ignore_case(std::string_view a, std::string_view b);
// Whether text of this Content-Type is UTF-8: its charset, if it names one, says so, or is a part
// of it (US-ASCII).
bool is_utf8_media(std::string_view content_type);
// The weight (RFC 9110 §12.4.2) that a list as that of Accept or Accept-Encoding gives a member by
// its name, in lower case; 0 where it does not name it.
double weight_of(std::string_view list, std::string_view member);
// "OK" for 200; "Unknown" where RFC 9110 has no phrase.
std::string_view reason_phrase(int status);

}  // namespace mesh::http
