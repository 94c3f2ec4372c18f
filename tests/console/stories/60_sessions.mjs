// What those see who may not change anything, or not see what events hold.
import path from "node:path";
import { fileURLToPath } from "node:url";
import { beginTask } from "../support/load.mjs";
import { holds, pages } from "../support/pages.mjs";

const all = pages(path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../.."));
const kChanging = /^(Edit|Redrive|Discard|Throttle|Change|Set|Fill up|Default|New tenant|Purge|Count what|Rebuild|Roll back|Serve|Drop|Seek|Delete|Cancel|Make its record|Make an event)/;
const kPlaces = ["#/dead-letters/analytics.events.dlq", "#/tenants/acme", "#/tenants/acme/limits", "#/tenants/acme/record", "#/tenants/acme/purge", "#/pipelines/analytics",
  "#/indexes/compare"];

export default [
  ["one that is read-only offers nothing that changes", async ({ signedIn, go, mesh }) => {
    const page = await signedIn({ readOnly: true });
    await page.getByRole("banner").getByText("Read-only").waitFor();
    const generation = (await mesh.call("GET", "/admin/v1/indexes")).items[0].name;
    for (const at of [...all.map(({ name }) => `#/${name}`), ...kPlaces, `#/indexes/${generation}`, `#/tasks/${await beginTask(mesh)}`]) {
      await go(page, at);
      const names = await page.getByRole("main").getByRole("button").allInnerTexts();
      const found = names.filter((name) => kChanging.test(name.trim()));
      holds(found.length === 0, `${at} offers ${found.join(", ")}`);
    }
  }],
  ["and meshd would refuse it", async ({ signedIn }) => {
    const page = await signedIn({ readOnly: true, allow: /403/ });
    const status = await page.evaluate(async () => (await fetch("/admin/v1/indexes/rebuild", { method: "POST", body: "{}", headers: { "Mesh-Console": "1", "Content-Type": "application/json" } })).status);
    holds(status === 403, `it answered ${status}`);
  }],
  ["one that hides payloads shows none, and receives none", async ({ signedIn, go, mesh }) => {
    const secret = "pineapple-4711";
    await mesh.run("events", "publish", "--tenant", "acme", "--id", "hidden-1", "--type", "analytics.recorded", "--data", JSON.stringify({ user_id: "hider", event_type: secret }), "--wait");
    const open = await signedIn({ at: "#/events?topic=analytics.events&key=acme%2Fhider" });
    await open.getByText(secret).first().waitFor();
    const page = await signedIn({ hidePayloads: true, allow: /403/ });
    const told = [];
    page.on("response", (response) => {
      // The live stream has no end.
      if (!response.url().includes("/live")) told.push(response.text().then((text) => (text.includes(secret) ? response.url() : null), () => null));
    });
    await page.getByRole("banner").getByText("Payloads hidden").waitFor();
    for (const at of ["#/events?topic=analytics.events&key=acme%2Fhider", "#/events/id/hidden-1?topic=analytics.events", "#/dead-letters/analytics.events.dlq", "#/search?tenant=acme&query=alice", "#/tenants/acme"]) {
      await go(page, at);
      holds(!(await page.getByRole("main").innerText()).includes(secret), `${at} shows a payload`);
    }
    await go(page, "#/events?topic=analytics.events&key=acme%2Fhider");
    await page.getByText(/hidden/i).nth(1).waitFor();
    const addresses = (await Promise.all(told)).filter(Boolean);
    holds(addresses.length === 0, `payloads came from ${addresses.join(", ")}`);
  }],
];
