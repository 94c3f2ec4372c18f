// Small text helpers. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mesh {

bool is_valid_utf8(std::string_view bytes);
// Lower case of ASCII letters only; other bytes stay.
std::string to_lower(std::string_view text);
std::string_view trim(std::string_view text);
// At most so many bytes from its start, none of them a part of a character that is not whole
// (UTF-8).
std::string_view cut_at_character(std::string_view text, std::size_t most);
// Without the UTF-8 byte order mark that some programs put in front of a text.
std::string_view without_bom(std::string_view text);
// The parts between separators, empty ones too: "" has one part.
std::vector<std::string> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& words, std::string_view separator);
// The whole of `text` as a decimal integer (a leading '-' only for int64); nothing otherwise.
std::optional<std::int64_t> parse_int(std::string_view text);
// Likewise as a finite decimal number, whatever the locale.
std::optional<double> parse_double(std::string_view text);

// RFC 3986. Decoding answers nothing on a broken escape or when the result is not valid UTF-8.
// libcurl leaves a broken escape as it stands.
std::string percent_encode(std::string_view text);
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);

// RFC 4648 §5 without padding. Decoding refuses padding, white space and non-canonical tails.
// OpenSSL's EVP_DecodeBlock passes over white space at the ends and has no URL alphabet.
std::string base64url_encode(std::string_view bytes);
std::optional<std::string> base64url_decode(std::string_view text);
// RFC 4648 §4 with padding.
std::string base64_encode(std::string_view bytes);
std::optional<std::string> base64_decode(std::string_view text);

// The value of a hexadecimal digit of either case; -1 of another character.
int hex_value(char c);
// Of two hexadecimal digits a byte, large or small; nothing for another text.
std::optional<std::string> hex_decode(std::string_view text);

// Lower-case hex of SHA-256.
std::string sha256_hex(std::string_view bytes);
// Compares in a time that depends on the lengths only.
bool equal_constant_time(std::string_view a, std::string_view b);

// True for printable text without control characters (tab allowed); for names shown in logs.
bool is_printable(std::string_view text);

}  // namespace mesh
