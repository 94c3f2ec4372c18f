#include "cli/commands/check_data.h"
#include "cli/commands/verb.h"
#include "cli/files.h"
#include "cli/render/width.h"
#include "common/base/http_date.h"

#ifndef MESH_VERSION
#define MESH_VERSION "0"
#endif

namespace mesh::cli {
namespace {

struct Finding {
  std::string name;
  bool ok = true;
  std::string detail, advice;
};

const View& finding_view() {
  static const View view{"name",
                         {{"ok", "OK", "is it in order"},
                          {"name", "CHECK", "what was looked at"},
                          {"detail", "FOUND", "what was found"},
                          {"advice", "ADVICE", "what to do"}}};
  return view;
}

Finding check_contexts(const Session& session) {
  const std::string path = context_file_path(session.surroundings.env);
  const auto file = load_contexts(path);
  if (!file) return {"contexts", false, file.error().message, "correct the file, or move it away"};
  if (file->contexts.empty())
    return {"contexts", true, "none saved" + (path.empty() ? "" : " in " + path), ""};
  // Other commands pass over it and take the default addresses, which surprises.
  if (!file->current.empty() && !file->contexts.contains(file->current)) {
    return {"contexts", false, "the current one, \"" + file->current + "\", does not exist",
            "`mesh context use NAME` takes another"};
  }
  return {"contexts", true,
          std::to_string(file->contexts.size()) + " in " + path + ", " +
              (file->current.empty() ? "none in use" : "in use: " + file->current),
          ""};
}

std::optional<Finding> check_process(const std::string& data_dir) {
  // A server that was named by its address need not run on this machine.
  if (data_dir.empty()) return std::nullopt;
  const auto text = read_file(data_dir + "/run.json", 1 << 16);
  if (!text) {
    return Finding{"meshd process", false, text.error().message,
                   "start meshd with this data folder, or name its server with --server"};
  }
  const auto json = parse_json(*text);
  const Json& pid = json ? at_path(*json, "pid") : at_path(Json(), "pid");
  if (!pid.is_number_integer())
    return Finding{"meshd process", false, data_dir + "/run.json names no process",
                   "restart meshd"};
  const auto number = pid.get<std::int64_t>();
  // run.json outlives a crash, and its pid may be another program's by then: the LOCK tells.
  if (!in_use(data_dir)) {
    return Finding{"meshd process", false,
                   "process " + std::to_string(number) + " of " + data_dir + "/run.json is gone",
                   "it did not stop cleanly: look at its log and start it again"};
  }
  return Finding{"meshd process", true,
                 "process " + std::to_string(number) + " runs on " + data_dir, ""};
}

struct Heard {
  std::optional<std::string> version, date;
};

Finding check_address(client::Client& mesh, client::Role role, Heard& heard) {
  const std::string name = std::string(to_string(role)) + " listener";
  const std::string& url = mesh.options().endpoints.of(role);
  if (url.empty()) return {name, true, "not run by this meshd", ""};
  const auto health = mesh.probe(role, "/health");
  if (!health)
    return {name, false, health.error().message,
            "is meshd running, and is " + url + " its address?"};
  // Also of an answer that says no more: the clock is that of whoever answers.
  if (health->date) heard.date = health->date;
  // Before the body is looked at: what a full listener answers names no service either, and would
  // be taken for another program.
  if (health->status == 503) {
    return {name, false,
            url + " turns requests away: " +
                plain_text(at_path(parse_json(health->body).value_or(Json()), "detail")),
            "its http.max_connections or max_buffered is reached: look for clients that hold "
            "connections, or raise it"};
  }
  const auto body = parse_json(health->body);
  if (!body || !at_path(*body, "service").is_string()) {
    return {name, false,
            url + " answers, but not as a meshd (status " + std::to_string(health->status) + ")",
            "another program listens there: correct the address"};
  }
  if (at_path(*body, "version").is_string()) heard.version = plain_text(at_path(*body, "version"));
  const auto ready = mesh.probe(role, "/readyz");
  if (!ready || ready->status != 200) {
    return {name, false, url + " is up but not ready", "`mesh check` says what is missing"};
  }
  return {name, true, url, ""};
}

Finding check_version(const std::string& version) {
  if (version == MESH_VERSION) return {"version", true, "client and server have " + version, ""};
  return {"version", false, "client " MESH_VERSION ", server " + version,
          "use a client of the server's version"};
}

Finding check_clock(const std::string& date, Timestamp now) {
  const auto theirs = parse_http_date(date);
  if (!theirs) return {"clock", true, "the server names no time", ""};
  const auto skew = std::chrono::duration_cast<std::chrono::seconds>(now - *theirs).count();
  const std::string text =
      "this clock is " + std::to_string(std::abs(skew)) + " s " + (skew >= 0 ? "ahead" : "behind");
  // Tokens are refused beyond a leeway of at most 60 s.
  if (std::abs(skew) > 30)
    return {"clock", false, text, "set both clocks by NTP: tokens are refused otherwise"};
  // Date counts whole seconds, and the answer was under way: one second is agreement.
  return {"clock", true, std::abs(skew) <= 1 ? "agrees with the server's" : text, ""};
}

std::vector<Finding> check_credentials(Session& session) {
  std::vector<Finding> findings;
  const auto& settings = session.settings;
  const auto& options = session.mesh->options();
  // A tenant's token given for this run stands in for the operator's, and would be refused as that.
  const bool tenants_own = is_tenant_token(options.operator_token);
  if (options.operator_token.empty() || tenants_own) {
    findings.push_back({"operator token", true, "none known: admin commands will be refused",
                        "on the server's machine use --data-dir, elsewhere --token"});
  } else if (const auto topics = session.mesh->topics(); topics) {
    // Any route of the admin API would do; this one changes nothing and answers little.
    findings.push_back({"operator token", true, "accepted", ""});
  } else {
    const bool refused = topics.error().kind == ErrorKind::unauthenticated ||
                         topics.error().kind == ErrorKind::forbidden;
    findings.push_back({"operator token", false, topics.error().message,
                        refused ? "is it the token of this server's data folder?"
                                : "it could not be tried; see the listeners above"});
  }
  // An operator's token given by hand was tried above; it opens no tenant's routes by itself.
  if (settings.token.empty() || !is_tenant_token(settings.token)) {
    if (settings.tenant.empty())
      findings.push_back({"tenant", true, "none: tenants' commands need --tenant", ""});
    return findings;
  }
  const auto page = session.mesh->list_users({1, {}, {}});
  if (page) {
    findings.push_back({"tenant token", true, "accepted (" + settings.token_from.name + ")", ""});
  } else {
    findings.push_back({"tenant token", false,
                        settings.token_from.name + ": " + page.error().message,
                        "`mesh token inspect` shows what it says"});
  }
  return findings;
}

// What the server says of what it depends on: engines and the servers behind them.
std::vector<Finding> check_server(client::Client& mesh) {
  std::vector<Finding> findings;
  const auto checks = mesh.check();
  if (!checks) return findings;  // whether the operator's token is accepted is told already
  for (const Json& check : *checks) {
    const bool ok = at_path(check, "ok") == true;
    const bool worth_knowing = at_path(check, "warning") == true;
    findings.push_back({"server: " + plain_text(at_path(check, "name")), ok && !worth_knowing,
                        plain_text(at_path(check, "detail")), ""});
  }
  const auto servers = mesh.servers();
  if (!servers) {
    // An older meshd does not examine them.
    if (servers.error().kind != ErrorKind::not_found)
      findings.push_back({"servers", false, servers.error().message, ""});
    return findings;
  }
  for (const Json& found : *servers) {
    const auto text = [&](const char* name) { return plain_text(at_path(found, name)); };
    findings.push_back({text("server") + " " + text("about"), at_path(found, "ok") == true,
                        text("detail"), text("advice")});
  }
  return findings;
}

std::vector<Finding> examine(Session& session) {
  // Each look needs what the one before it found: without settings there are no addresses, without
  // a server no version, clock or credential to compare. What cannot be looked at is left out.
  std::vector<Finding> findings{check_contexts(session)};
  if (const auto connected = session.connect(); !connected) {
    findings.push_back(
        {"settings", false, connected.error().message, "correct that flag, variable or context"});
    return findings;
  }
  findings.push_back(
      {"settings", true, "addresses from " + session.settings.endpoints_from.name, ""});
  if (auto process = check_process(session.settings.data_dir))
    findings.push_back(std::move(*process));
  Heard heard;
  bool reached = false;
  for (const client::Role role : client::kRoles) {
    findings.push_back(check_address(*session.mesh, role, heard));
    reached = reached || heard.version;
  }
  // A listener that answers as a meshd has named its version; credentials would only fail as it
  // did.
  if (!reached) return findings;
  findings.push_back(check_version(*heard.version));
  if (heard.date) findings.push_back(check_clock(*heard.date, session.clock.now()));
  for (Finding& finding : check_credentials(session)) findings.push_back(std::move(finding));
  for (Finding& finding : check_server(*session.mesh)) findings.push_back(std::move(finding));
  return findings;
}

std::string marked(const Finding& finding, bool color) {
  const std::string mark = finding.ok ? "✓" : "✗";
  std::string text = (color ? (finding.ok ? "\x1b[32m" : "\x1b[31m") + mark + "\x1b[0m" : mark) +
                     " " + finding.name + ": " + printable(finding.detail) + "\n";
  if (!finding.advice.empty()) text += "    " + printable(finding.advice) + "\n";
  return text;
}

Outcome doctor(Session& session) {
  const auto findings = examine(session);
  bool well = true;
  std::vector<Json> rows;
  for (const Finding& finding : findings) {
    well = well && finding.ok;
    rows.push_back({{"name", finding.name},
                    {"ok", finding.ok},
                    {"detail", finding.detail},
                    {"advice", finding.advice}});
  }
  if (session.out.for_people()) {
    for (const Finding& finding : findings)
      session.out.data(marked(finding, session.out.terminal().color));
  } else {
    session.out.items(finding_view(), rows);
  }
  return well ? Exit::ok : Exit::failure;
}

}  // namespace

void add_doctor(Commands& commands) {
  commands.verb(commands.root(),
                {.name = "doctor",
                 .summary = "Look for what is wrong between this tool and the server",
                 .details = "Looks at contexts, addresses, the process, versions, clocks, "
                            "credentials, and what the server depends on: versions, rights, "
                            "settings and clocks of the servers behind it. Says what to do. "
                            "Exit code 1 where something is wrong.",
                 .examples = "mesh doctor\nmesh doctor --server https://mesh.example.org --token "
                             "acme:alice\nmesh doctor -o json\n",
                 .tenant = TenantUse::acts,
                 .view = &finding_view(),
                 .run = doctor,
                 .needs = Needs::nothing},
                purpose::kHealth);
}

}  // namespace mesh::cli
