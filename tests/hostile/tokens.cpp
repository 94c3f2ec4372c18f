#include "tests/hostile/tokens.h"

#include <chrono>
#include <fstream>

#include "common/base/ids.h"
#include "common/base/strings.h"

namespace mesh::hostile {
namespace {

using auth::test::hmac_token;
using auth::test::Issuer;
using auth::test::signing_input;

constexpr const char* kIssuer = "https://issuer.test";
constexpr const char* kAudience = "mesh";

std::int64_t now() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string file(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
  return path;
}

}  // namespace

const TrustedIssuer& TrustedIssuer::get() {
  static const TrustedIssuer issuer;
  return issuer;
}

// The RSA key says no `alg`, so that nothing but its type binds the algorithm.
TrustedIssuer::TrustedIssuer()
    : secret_(random_hex(32)),
      rsa_(Issuer::rsa()),
      ec_(Issuer::ec("P-256")),
      ed_(Issuer::ed25519()),
      stranger_rsa_(Issuer::rsa()),
      stranger_ec_(Issuer::ec("P-256")),
      stranger_ed_(Issuer::ed25519()),
      jwks_(auth::test::jwks({rsa_.jwk("rsa-1"), ec_.jwk("ec-1", "ES256"), ed_.jwk("ed-1")})) {}

Json TrustedIssuer::claims(const std::string& tenant) const {
  return {{"iss", kIssuer},
          {"aud", kAudience},
          {"exp", now() + 86'400},
          {"sub", "alice"},
          {"tenant_id", tenant}};
}

std::string TrustedIssuer::token(const std::string& tenant, const std::string& user) const {
  Json body = claims(tenant);
  body["sub"] = user;
  return rsa_.token({{"alg", "RS256"}, {"kid", "rsa-1"}, {"typ", "JWT"}}, body);
}

std::string TrustedIssuer::config(const std::string& folder, bool hs256) const {
  std::string text =
      std::string("auth:\n  mode: jwt\n  anonymous_tenant: null\n  jwt:\n    issuer: ") + kIssuer +
      "\n    audience: " + kAudience + "\n    jwks_file: " + file(folder + "/jwks.json", jwks_) +
      "\n";
  if (hs256) text += "    hs256_secret_file: " + file(folder + "/hs256.secret", secret_) + "\n";
  return text;
}

std::vector<Forgery> TrustedIssuer::forgeries(const std::string& tenant) const {
  std::vector<Forgery> all;
  const Json good = claims(tenant);
  const Json rs256 = {{"alg", "RS256"}, {"kid", "rsa-1"}};
  const auto add = [&](std::string attack, std::string token) {
    all.push_back({std::move(attack), std::move(token)});
  };
  const auto with_header = [&](const std::string& attack, Json header) {
    if (!header.contains("alg")) header["alg"] = "RS256";
    add(attack, rsa_.token(header, good));
  };
  const auto with_claim = [&](const std::string& attack, const char* name, const Json& value) {
    Json body = good;
    if (value.is_discarded()) {
      body.erase(name);
    } else {
      body[name] = value;
    }
    all.push_back({attack, rsa_.token(rs256, body), true});
  };
  const Json gone(Json::value_t::discarded);
  // Signed over whatever header and claims say; the signature itself is right.
  const auto signed_text = [&](const std::string& header, const std::string& body) {
    const auto input = signing_input(header, body);
    return input + "." + base64url_encode(rsa_.sign("RS256", input));
  };
  const std::string good_token = rsa_.token(rs256, good);
  const auto parts = split(good_token, '.');

  // 1: no algorithm, or one that is not allowed.
  for (const std::string alg :
       {"none", "None", "NONE", "nOnE", "", "rs256", "HS384", "EdDSA", "dir"}) {
    const auto input = signing_input(Json{{"alg", alg}, {"kid", "rsa-1"}}.dump(), good.dump());
    add("alg " + alg + ", unsigned", input + ".");
    add("alg " + alg + ", signed", input + "." + base64url_encode(rsa_.sign("RS256", input)));
  }
  add("no alg", signed_text(R"({"kid":"rsa-1"})", good.dump()));
  add("alg null", signed_text(R"({"alg":null})", good.dump()));
  // 2: signatures that are empty, cut or of another text.
  const auto signature = base64url_decode(parts[2]).value();
  add("empty signature", parts[0] + "." + parts[1] + ".");
  add("cut signature",
      parts[0] + "." + parts[1] + "." + base64url_encode(signature.substr(0, 128)));
  add("longer signature", parts[0] + "." + parts[1] + "." + base64url_encode(signature + '\0'));
  const auto own = split(token("somebody-else"), '.');
  add("claims exchanged", own[0] + "." + parts[1] + "." + own[2]);
  // 3 and 4: the public key, or nothing, as the secret of an HMAC.
  const auto pem = rsa_.public_pem();
  const Json jwk = rsa_.jwk("rsa-1");
  const auto modulus = jwk["n"].get<std::string>();
  for (const auto& [name, secret] : std::vector<std::pair<std::string, std::string>>{
           {"public PEM", pem},
           {"PEM after a blank", " " + pem},
           {"PEM after a line", "\n" + pem},
           {"PEM without its end", pem.substr(0, pem.size() - 1)},
           {"JWK", jwk.dump()},
           {"JWKS", jwks_},
           {"modulus", modulus},
           {"modulus bytes", base64url_decode(modulus).value()},
           {"Ed25519 key", ed_.jwk("ed-1")["x"].get<std::string>()},
           {"Ed25519 PEM", ed_.public_pem()},
           {"empty secret", ""},
           {"32 zeros", std::string(32, '\0')}}) {
    for (const char* kid : {"", R"(,"kid":"rsa-1")", R"(,"kid":"ec-1")"}) {
      add("HS256 with " + name + kid,
          hmac_token(secret, std::string(R"({"alg":"HS256")") + kid + "}", good.dump()));
    }
  }
  // 5: ECDSA with r = s = 0, DER instead of raw, and another key's algorithm.
  const auto es_input = signing_input(R"({"alg":"ES256","kid":"ec-1"})", good.dump());
  const std::string zero(32, '\0');
  add("ES256 r=s=0", es_input + "." + base64url_encode(zero + zero));
  add("ES256 r=0",
      es_input + "." + base64url_encode(zero + ec_.sign("ES256", es_input).substr(32)));
  add("ES256 in DER", es_input + "." + base64url_encode(ec_.sign_der("ES256", es_input)));
  const auto crossed = signing_input(R"({"alg":"ES256","kid":"rsa-1"})", good.dump());
  add("ES256 under the RSA key's kid",
      crossed + "." + base64url_encode(ec_.sign("ES256", crossed)));
  const auto ed_input = signing_input(R"({"alg":"EdDSA","kid":"ed-1"})", good.dump());
  const auto ed_signature = ed_.sign("EdDSA", ed_input);
  add("EdDSA zeros", ed_input + "." + base64url_encode(zero + zero));
  add("EdDSA S=0", ed_input + "." + base64url_encode(ed_signature.substr(0, 32) + zero));
  add("EdDSA cut", ed_input + "." + base64url_encode(ed_signature.substr(0, 63)));
  add("another's EdDSA key", stranger_ed_.token({{"alg", "EdDSA"}, {"kid", "ed-1"}}, good));
  for (const char* kid : {"rsa-1", "ec-1"}) {
    add(std::string("EdDSA under the kid ") + kid,
        ed_.token({{"alg", "EdDSA"}, {"kid", kid}}, good));
  }
  const auto as_ec = signing_input(R"({"alg":"ES256","kid":"ed-1"})", good.dump());
  add("ES256 under the Ed25519 key's kid",
      as_ec + "." + base64url_encode(ec_.sign("ES256", as_ec)));
  // 6: keys that come with the token.
  add("embedded jwk",
      stranger_rsa_.token({{"alg", "RS256"}, {"jwk", stranger_rsa_.jwk("rsa-1")}}, good));
  for (const char* name : {"jku", "x5u", "x5c"}) {
    add(std::string("embedded ") + name,
        stranger_rsa_.token({{"alg", "RS256"}, {name, "http://127.0.0.1:1/keys"}}, good));
    with_header(std::string(name) + " beside a good key", {{name, "http://127.0.0.1:1/keys"}});
  }
  // 7: key ids that are paths, SQL, NUL, too long, no text.
  for (const Json& kid : {Json("../../../../dev/null"), Json("/dev/null"), Json("' OR '1'='1"),
                          Json(std::string("rsa-1\0", 6)), Json(std::string(4000, 'k')), Json(""),
                          Json(1), Json(nullptr), Json::array({"rsa-1"}), Json("unknown")}) {
    with_header("kid " + kid.dump().substr(0, 40), {{"kid", kid}});
  }
  // 8: critical extensions.
  with_header("crit", {{"crit", {"exp"}}, {"exp", 1}});
  with_header("crit, empty", {{"crit", Json::array()}});
  with_header("b64", {{"b64", false}, {"crit", {"b64"}}});
  // 9: forms other than compact JWS.
  add("JWE", base64url_encode(R"({"alg":"dir","enc":"A256GCM"})") + "..AAAA.AAAA.AAAA");
  add("JSON serialization",
      Json{{"protected", parts[0]}, {"payload", parts[1]}, {"signature", parts[2]}}.dump());
  add("general JSON serialization",
      Json{{"payload", parts[1]},
           {"signatures", {{{"protected", parts[0]}, {"signature", parts[2]}}}}}
          .dump());
  add("two parts", parts[0] + "." + parts[1]);
  add("four parts", good_token + "." + parts[2]);
  // 10: base64url, JSON and size.
  for (const std::string junk : {"=", "==", "+", "/", "!", "%3D"}) {
    add("header ends in " + junk, parts[0] + junk + "." + parts[1] + "." + parts[2]);
    add("claims end in " + junk, parts[0] + "." + parts[1] + junk + "." + parts[2]);
    add("signature ends in " + junk, good_token + junk);
  }
  const std::string head = R"({"alg":"RS256","kid":"rsa-1"})";
  auto text = good.dump();
  text.pop_back();
  add("tenant twice", signed_text(head, text + R"(,"tenant_id":")" + tenant + "\"}"));
  add("alg twice", signed_text(R"({"alg":"none","alg":"RS256","kid":"rsa-1"})", good.dump()));
  add("deep nesting",
      signed_text(head, text + R"(,"x":)" + std::string(500, '[') + std::string(500, ']') + "}"));
  add("over 8 KiB", signed_text(head, text + R"(,"x":")" + std::string(8192, 'x') + "\"}"));
  add("claims are an array", signed_text(head, "[" + good.dump() + "]"));
  add("claims are no JSON", signed_text(head, "tenant_id=" + tenant));
  add("invalid UTF-8", signed_text(head, text + ",\"x\":\"\xc0\xa0\"}"));
  // 11: times.
  with_claim("no exp", "exp", gone);
  for (const Json& exp :
       {Json("2099-01-01"), Json(std::to_string(now() + 300)), Json(nullptr), Json(true), Json(-1),
        Json(1e308), Json(UINT64_MAX), Json(now() - 120), Json(now() - 61)}) {
    with_claim("exp " + exp.dump(), "exp", exp);
  }
  for (const char* number : {"NaN", "Infinity", "1e999", "99999999999999999999999"}) {
    Json body = good;
    body.erase("exp");
    auto rest = body.dump();
    rest.pop_back();
    all.push_back(
        {std::string("exp ") + number, signed_text(head, rest + ",\"exp\":" + number + "}"), true});
  }
  with_claim("nbf in the future", "nbf", now() + 3600);
  with_claim("iat in the future", "iat", now() + 3600);
  with_claim("nbf a text", "nbf", "0");
  // 12: issuer and audience.
  with_claim("no iss", "iss", gone);
  with_claim("iss of another", "iss", "https://other.test");
  with_claim("iss with a slash", "iss", std::string(kIssuer) + "/");
  with_claim("iss an array", "iss", Json::array({kIssuer}));
  with_claim("no aud", "aud", gone);
  for (const Json& aud : {Json("other"), Json(""), Json::array(), Json::array({"other"}),
                          Json::array({"mesh", 1}), Json{{"mesh", true}}}) {
    with_claim("aud " + aud.dump(), "aud", aud);
  }
  // 13: other kinds of tokens.
  for (const Json& typ : {Json("id+jwt"), Json("logout+jwt"), Json("secevent+jwt"), Json("JWE"),
                          Json(""), Json(nullptr)}) {
    with_header("typ " + typ.dump(), {{"kid", "rsa-1"}, {"typ", typ}});
  }
  // 14: another issuer's key; tenants that are none.
  add("another's RSA key", stranger_rsa_.token(rs256, good));
  add("another's RSA key, no kid", stranger_rsa_.token({{"alg", "RS256"}}, good));
  add("another's EC key", stranger_ec_.token({{"alg", "ES256"}, {"kid", "ec-1"}}, good));
  with_claim("no tenant", "tenant_id", gone);
  for (const Json& id : {Json::array({tenant}), Json(""), Json("*"), Json("../" + tenant),
                         Json(tenant + "/"), Json(nullptr), Json{{"id", tenant}}}) {
    with_claim("tenant " + id.dump(), "tenant_id", id);
  }
  with_claim("no sub", "sub", gone);
  // Dev tokens mean nothing here.
  add("dev token", tenant + ":alice");
  return all;
}

}  // namespace mesh::hostile
