#include "cli/token.h"

#include "cli/commands/verb.h"
#include "cli/files.h"
#include "common/base/strings.h"
#include "common/base/time.h"

namespace mesh::cli {
namespace {

const View& token_view() {
  static const View view{
      "kind",
      {{"kind", "KIND", "dev, jwt, or opaque such as an operator's token"},
       {"tenant", "TENANT", "whose (dev)"},
       {"user", "USER", "and which user (dev)"},
       {"header", "HEADER", "algorithm and key (jwt)"},
       {"claims", "CLAIMS", "what it claims (jwt); not verified"},
       {"expires_at", "EXPIRES", "when it ends (jwt)", Field::Show::always, Field::Kind::time},
       {"expired", "EXPIRED", "has it ended (jwt)"}}};
  return view;
}

struct MintArgs {
  MintRequest request;
  std::string secret_file, ttl = "1h";
  bool dev = false;
};

Outcome mint(Session& session, const MintArgs& args) {
  MintRequest request = args.request;
  request.tenant = session.settings.tenant;
  if (request.tenant.empty()) return fail(ErrorKind::invalid, "which tenant? give --tenant T");
  Result<std::string> token;
  if (args.dev) {
    token = dev_token(request.tenant, request.user);
  } else if (args.secret_file.empty()) {
    return fail(ErrorKind::invalid,
                "give --hs256-secret-file FILE, or --dev for a server in dev mode");
  } else {
    const auto ttl = parse_duration(args.ttl);
    // exp counts whole seconds: a shorter time would end where it begins.
    if (!ttl || ttl->count() < 1000)
      return fail(ErrorKind::invalid, "--ttl: \"" + args.ttl + "\" is not a duration such as 1h");
    request.ttl = *ttl;
    auto secret = MESH_TRY(read_file(args.secret_file, 1 << 16));
    // As the server reads it: without the one line end that editors leave.
    if (secret.ends_with('\n')) secret.pop_back();
    if (secret.ends_with('\r')) secret.pop_back();
    token = mint_hs256(request, secret, session.clock.now());
  }
  if (!token) return fail(token.error());
  session.out.data(*token + "\n");
  return Exit::ok;
}

Outcome inspect(Session& session, std::string token) {
  if (token.empty()) {
    // A context's token is not looked at: without a server no context is read
    // (Session::resolve_locally).
    const char* env = session.surroundings.env("MESH_TOKEN");
    token = session.globals.token.value_or(env == nullptr ? "" : env);
  }
  if (token == "-") std::getline(session.in, token);
  token = std::string(trim(token));
  if (token.empty())
    return fail(ErrorKind::invalid,
                "which token? give it as an argument, - for stdin, or in $MESH_TOKEN");
  session.out.record(token_view(), inspect_token(token, session.clock.now()));
  return Exit::ok;
}

}  // namespace

void add_token(Commands& commands) {
  auto& group = commands.group("token", "Credentials", purpose::kSetup);
  auto args = std::make_shared<MintArgs>();
  auto& verb = commands.verb(
      group, {.name = "mint",
              .summary = "Make a token",
              .details = "For servers whose key you hold: auth.jwt.hs256_secret_file, or dev mode. "
                         "The token is printed and "
                         "kept nowhere.",
              .examples = "mesh token mint --dev --tenant acme --user alice\n"
                          "mesh token mint --tenant acme --user alice --hs256-secret-file "
                          "jwt.secret --issuer https://id.acme.dev --audience mesh --ttl 8h\n",
              .tenant = TenantUse::acts,
              .run = [args](Session& session) { return mint(session, *args); },
              .needs = Needs::nothing});
  verb.add_option("-u,--user", args->request.user, "The user it speaks for (sub)")
      ->type_name("USER")
      ->required();
  auto* dev = verb.add_flag("--dev", args->dev, "A dev token, tenant:user");
  verb.add_option("--hs256-secret-file", args->secret_file,
                  "The secret, at least 32 bytes; a line end at its end does not count")
      ->type_name("FILE")
      ->excludes(dev);
  verb.add_option("--issuer", args->request.issuer, "iss: auth.jwt.issuer of the server")
      ->type_name("ISS");
  verb.add_option("--audience", args->request.audience, "aud: auth.jwt.audience of the server")
      ->type_name("AUD");
  verb.add_option("--tenant-claim", args->request.tenant_claim,
                  "auth.jwt.tenant_claim of the server")
      ->type_name("NAME")
      ->capture_default_str();
  verb.add_option("--ttl", args->ttl, "It is good for so long")
      ->type_name("D")
      ->capture_default_str();
  auto token = std::make_shared<std::string>();
  commands
      .verb(group,
            {.name = "inspect",
             .summary = "Show what a token says, without verifying it",
             .details = "Nothing is sent anywhere. An argument stays in the shell's history: "
                        "prefer - or $MESH_TOKEN.",
             .examples = "mesh token inspect acme:alice\n"
                         "mesh token mint --dev --tenant acme --user alice | mesh token inspect -\n"
                         "mesh token inspect\n",
             .tenant = TenantUse::none,
             .view = &token_view(),
             .run = [token](Session& session) { return inspect(session, *token); },
             .needs = Needs::nothing})
      .add_option("TOKEN", *token, "The token; - is stdin; without, $MESH_TOKEN");
}

}  // namespace mesh::cli
