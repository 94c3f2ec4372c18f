// Unicode text: what counts as the same, and what of a text cannot be seen. Texts are UTF-8; one
// that is not is answered unchanged by what makes texts of texts. Pure; any thread.
// utf8proc and libidn2 do the work; ICU would do all of it, with tens of megabytes of tables.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mesh {

// Takes the first code point off `text`, which is not empty; kBrokenPoint and one byte where no
// code point begins there.
inline constexpr char32_t kBrokenPoint = 0xffffffff;
char32_t take_point(std::string_view& text);
std::string point_text(char32_t point);  // "U+200B"
// Appends its UTF-8; U+FFFD for what is no code point.
void append_point(std::string& text, char32_t point);

// Normal form C: one spelling of what is composed of letters and marks in several ways.
std::string to_nfc(std::string_view text);
// Normal form D: the spelling in which marks stand by themselves behind their letters.
std::string to_nfd(std::string_view text);
// NFC of the canonical case folding (Unicode 3.13, D145): equal for texts that differ in case or
// composition only. Its own fold.
std::string fold_case(std::string_view text);
// Wider, for likeness: NFKD, case folded, without combining marks. Nothing where it is not UTF-8.
std::vector<char32_t> fold_compatible(std::string_view text);

// Without white space (property White_Space) at both ends.
std::string_view trim_space(std::string_view text);
// Also without other characters that cannot be seen; what changes the character before it (joiners,
// variation selectors, tags) stays at the end.
std::string_view trim_invisible(std::string_view text);
// Without the characters that cannot be seen; a run of white space becomes one space.
std::string drop_invisible(std::string_view text);

bool is_space(char32_t point);  // property White_Space
// Shows nothing of itself: General_Category Cc, Cf, Zs, Zl or Zp, Default_Ignorable_Code_Point, or
// U+2800, the empty Braille pattern.
bool is_invisible(char32_t point);
// Means nothing that others would agree on: General_Category Co, Cn or Cs.
bool is_unassigned(char32_t point);
bool is_bidi_control(char32_t point);   // property Bidi_Control
bool is_bidi_override(char32_t point);  // those that act on the text behind them up to their end
// What text must not carry to a terminal as it is: General_Category Cc, Zl or Zp, Bidi_Control.
bool is_unprintable(char32_t point);

bool is_punctuation(char32_t point);      // General_Category P*
bool is_nonspacing_mark(char32_t point);  // General_Category Mn
bool is_other(char32_t point);            // General_Category Cc, Cf or Co
// The simple mapping of a single code point: others where its lower case has several.
char32_t lower_case(char32_t point);

struct FoundPoint {
  char32_t point;
  std::size_t place;  // of the code points, from 1
};
std::optional<FoundPoint> find_point(std::string_view text, bool (*wanted)(char32_t));

enum class PointKind { letter, digit, symbol, other };  // marks count as letters
PointKind kind_of(char32_t point);
int display_columns(char32_t point);  // 0 for marks, 2 for wide ones

// The lower-case ASCII form of a domain (IDNA 2008 with the mapping of UTS #46, non-transitional):
// one for "MÜNCHEN.de" and "xn--mnchen-3ya.de". `invalid` says why where the domain has none.
// Labels are not looked at where all are ASCII and none begins with "xn--".
struct AsciiDomain {
  std::string text;   // empty where `fault` is not
  std::string fault;  // "string contains a disallowed character"
};
AsciiDomain ascii_domain(std::string_view domain);

}  // namespace mesh
