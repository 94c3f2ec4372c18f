// What the console is looked at with: users and events of two tenants, dead letters, a quota, tasks; and a third
// tenant all of whose names and payloads are hostile.
import fs from "node:fs";

/** Texts that would be elements, scripts or addresses where a page does not take them for text. */
export const kHostile = [
  "<img src=x onerror=window.__xss=1>",
  "<script>window.__xss=1</script>",
  "\"><svg onload=window.__xss=1>",
  "javascript:window.__xss=1",
  "<iframe srcdoc='<script>parent.__xss=1</script>'></iframe>",
  "{{constructor.constructor('window.__xss=1')()}}",
  "</title><style>*{display:none}</style>",
  "<a href=javascript:window.__xss=1>x</a>",
  "' onmouseover='window.__xss=1",
  "\u202egnp.exe <base href=//evil.example>",
];

const kNames = ["Alice Smith", "Bob Jones", "Carla Rossi", "Dai Nguyen", "Elif Yilmaz", "Farid Haddad", "Grace Kim", "Henrik Olsen",
  "Ines Marques", "Jonas Weber", "Katya Petrova", "Liam Murphy", "Mei Tanaka", "Noor Khan", "Oscar Lindt", "Priya Patel"];
const kPages = ["/pricing", "/docs", "/sign-up", "/", "/blog/search", "/account"];
const kFormulas = ["C9H8O4", "C8H10N4O2", "C6H12O6", "H2O", "C2H6O", "C10H15N", "C27H46O"];

const ndjson = (lines) => lines.map((each) => JSON.stringify(each)).join("\n") + "\n";

async function users(mesh, tenant, rows) {
  const file = mesh.file(`${tenant}-users.ndjson`);
  fs.writeFileSync(file, ndjson(rows));
  await mesh.run("users", "import", file, "--tenant", tenant, "--wait=60s");
}

async function events(mesh, tenant, list) {
  const file = mesh.file(`${tenant}-events.ndjson`);
  fs.writeFileSync(file, ndjson(list.map((each) => ({ specversion: "1.0", ...each }))));
  await mesh.run("events", "publish", file, "--tenant", tenant, "--wait=60s");
}

/** Of events that their pipeline cannot take: the log takes what its producer says, and their data has no event_type. */
export async function die(mesh, tenant, list) {
  const records = list.map(({ id, user, more = {} }) => ({
    key: `${tenant}/${user}`,
    headers: {
      ce_specversion: "1.0", ce_id: id, ce_type: "analytics.recorded", ce_source: "shop", ce_time: new Date().toISOString(), ce_subject: user,
      ce_tenantid: tenant, "content-type": "application/json",
    },
    value: { user_id: user, ...more },
  }));
  const before = await letters(mesh);
  await mesh.call("POST", "/admin/v1/events", { topic: "analytics.events", records });
  await until(async () => (await letters(mesh)) >= before + list.length, `${list.length} more dead letters`);
}

async function letters(mesh) {
  const { items } = await mesh.call("GET", "/admin/v1/dlq/causes");
  return items.reduce((sum, each) => sum + each.letters, 0);
}

/** Asks again until it holds. */
export async function until(holds, what, most = 30_000) {
  for (const end = Date.now() + most; ;) {
    const got = await holds();
    if (got) return got;
    if (Date.now() > end) throw new Error(`after ${most / 1000} s still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** `hostile`: the third tenant, too. */
export async function load(mesh, { hostile = true } = {}) {
  await mesh.run("tenants", "create", "acme", "--name", "Acme Corp", "--quota", "events_per_day=100000", "--rate-limit", "search=300/1m", "--wait");
  await mesh.run("tenants", "create", "globex", "--name", "Globex", "--wait");
  await users(mesh, "acme", kNames.map((name) => ({ email: `${name.toLowerCase().replace(" ", ".")}@acme.dev`, name })));
  await users(mesh, "globex", kNames.slice(0, 5).map((name) => ({ email: `${name.split(" ")[0].toLowerCase()}@globex.dev`, name })));
  await events(mesh, "acme", Array.from({ length: 120 }, (_, index) => view(index)));
  await events(mesh, "globex", kFormulas.map((formula, index) => ({
    id: `experiment-${index}`, type: "chemical.recorded", source: "laboratory",
    data: { molecule_id: `m-${index}`, researcher: "Dr. Jane Smith", data: { formula } },
  })));
  await die(mesh, "acme", Array.from({ length: 4 }, (_, index) => ({ id: `dead-${index}`, user: `u-${index}`, more: { metadata: { order: 4711 + index } } })));
  if (hostile) await loadHostile(mesh);

  await mesh.run("index", "rebuild", "--yes", "--shadow");
  await mesh.run("dlq", "redrive", "analytics.events", "--id", "dead-3", "--yes").catch(() => {});  // It dies again, which is exit code 6.
  return { event: "view-7", task: await beginTask(mesh, hostile ? kHostile[0] : "users.csv") };
}

/** A task of a client, which runs as long as the client tells of it: for a minute. */
export async function beginTask(mesh, file = "users.csv") {
  const { id } = await mesh.call("POST", "/admin/v1/tasks", { kind: "import", spec: { file } });
  await mesh.call("PUT", `/admin/v1/tasks/${id}/progress`, { done: 1234, total: 8000 });
  return id;
}

function view(index) {
  return {
    id: `view-${index}`, type: "analytics.recorded", source: "shop",
    data: { user_id: `u-${index % 9}`, event_type: index % 5 ? "page_view" : "sign_up", metadata: { page: kPages[index % kPages.length], nested: { deep: [1, 2, { x: index }] } } },
  };
}

async function loadHostile(mesh) {
  await mesh.run("tenants", "create", "hostile", "--name", kHostile[0], "--unknown-types", "true", "--wait");
  await users(mesh, "hostile", kHostile.map((name, index) => ({ email: `h${index}@hostile.dev`, name })));
  await events(mesh, "hostile", kHostile.map((text, index) => ({
    id: `hostile-${index}`, type: "analytics.recorded", source: "urn:hostile",
    data: { user_id: text, event_type: text, metadata: { [text]: text, list: [text, { [text]: null }] } },
  })));
  await die(mesh, "hostile", kHostile.map((text, index) => ({ id: `hostile-dead-${index}`, user: text, more: { metadata: { [text]: text } } })));
}

/** Work as of a day, for so long: events and searches that rise and fall. */
export async function work(mesh, milliseconds) {
  let index = 1000;
  for (const end = Date.now() + milliseconds; Date.now() < end;) {
    const many = Math.round(60 + 50 * Math.sin(index / 700));
    await events(mesh, "acme", Array.from({ length: many }, () => view(index++)));
    await mesh.run("search", kNames[index % kNames.length], "--tenant", index % 3 ? "acme" : "globex");
  }
}
