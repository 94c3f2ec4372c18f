// The keys of the token target. Nobody has the private halves of the public ones any more, so no
// fuzzer can sign; the tokens were signed before they were thrown away.
#pragma once

#include <string_view>

namespace mesh::fuzz {

inline constexpr std::string_view kSecret =
    "a secret that only the tests know, of 32 bytes and more";
inline constexpr std::string_view kOperatorToken = "operator-token-of-the-fuzz-target-0123456789";
inline constexpr std::string_view kJwks =
    R"({"keys":[{"kty":"RSA","kid":"r1","n":"0nGOgRrcfl1d5B7RtVDySOuQ4q6Nbv7sUYZJVWjPJJOeekohni)"
    R"(6S5TuvSq-3pw0L7Az9F5QlYv4h0rz2GvpBlx4A9OQeziafK4H2MQUhTr71I3qGgzFhWAVIaYWzNYrl852kzyhEAW)"
    R"(AFbo3mfmZyaZuM5p1pnrtuhm1uouxCIpPlEQwYasVJ8222oZYngHwgW43kUkrCpRAh5WeqGDDzZ6zB2RmzCdH5Mk)"
    R"(7ZKO1LoUXQvHhcVBtAcWW7pr2v_UNn3nhaQf0sS6fpAaDscYgs-581g7C0olzehZ2zAbFPmYYApRapiL6Hqp33I8)"
    R"(XWYQUOVwU2NqpEBr_hJdsAh8vLhw","e":"AQAB"},{"kty":"EC","kid":"e1","crv":"P-256","x":"OqtG)"
    R"(YNSTKBwW1iljaaeh_DlckyP1Claa16ocTR7EMMQ","y":"BI9_VvJNtuR_Gq93jWUzLpXhxz3yknCsn6HsUNOYXV)"
    R"(g"}]})";

// RS256, PS256, ES256, HS256; they expire in 2100.
inline constexpr std::string_view kSignedTokens[] = {
    "eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjoi"
    "bWVzaCIsImV4cCI6NDEwMjQ0NDgwMCwic3ViIjoiYWxpY2UiLCJ0ZW5hbnRfaWQiOiJhY21lIn0.Vke4JcTZHr9P"
    "7ew-84_tPUZ8gYBJk34A-s2qxaDdAyJHFuNrGMrRIiw51yfBJUyT4iz8P6H1VU2Xf-XFDgj1ftabjXt0813gVFvB"
    "waxjqpQIyoq23R1TuKPiDIv4pXP-D2TzX2Cip_5Oh8EGOAn-ySS2f694WZ5opNTWzYCOJcYxG0HaegroLCRTnQFz"
    "PS2hC5JuOn-gvFVkjINRevoVmrG1BIOqzG01YfT23Owyu4l_jGcnUAT1waObv6_SoVSQYzAgamgV7ES_y2fQ1Cz9"
    "9f0NGkhg4Gv6XjFkM0OJ8sdwF-JCom6ohTw0j241tL0W4M-tuasGpVkaN26z3YN6KA",
    "eyJhbGciOiJQUzI1NiIsImtpZCI6InIxIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjoi"
    "bWVzaCIsImV4cCI6NDEwMjQ0NDgwMCwic3ViIjoiYWxpY2UiLCJ0ZW5hbnRfaWQiOiJhY21lIn0.Z7FgMvJU7Ns7"
    "vHYkrcCv67f8LLpFtav9wGzfSmvBWSThpd9cKx6jREzwWtruF5TuWYeT57V62Z4moZVXDcmdNv3w5_TdYadPRGe8"
    "kuz-Md80umUra8x3mNWxSJEjhghRU4LtbPAs6ry_b_GHBYR2hJJ5uuBUTriYO-sDP_gqrIUj6RedTcmPicnGJPx5"
    "QLONSkhyKKwHTjY3Ku5SA_EJDIKRGYMwGiYkop9_ISwCZ380wmUQeO4Ho4QherDqM9xOQgt0i7vGv664pjynTP5n"
    "7GsdSbi9cu_yr4ci4OBXvnrN3EU3qmuFe1lJ0gmkUyy1ttwXt585htz00Cq3Uguoeg",
    "eyJhbGciOiJFUzI1NiIsImtpZCI6ImUxIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjoi"
    "bWVzaCIsImV4cCI6NDEwMjQ0NDgwMCwic3ViIjoiYWxpY2UiLCJ0ZW5hbnRfaWQiOiJhY21lIn0.W--ocqgVpZn6"
    "e1dqkl-X4FTiytcA8STwBshRx2STA_JrULPWLqS6CTlueCZAFyppRzFSk3N1xdQgHuru-Kfx1g",
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjo"
    "ibWVzaCIsImV4cCI6NDEwMjQ0NDgwMCwic3ViIjoiYWxpY2UiLCJ0ZW5hbnRfaWQiOiJhY21lIn0.qaBMBFMYIa_"
    "6b0id5p0BxqknfwW2njTT22RI-Qodnr8"};

}  // namespace mesh::fuzz
