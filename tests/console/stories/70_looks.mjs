// Every page, light, dark, and at 400 px: axe-core finds nothing, nothing is wider than the screen, and a picture is
// kept in build/console-test/shots.
import path from "node:path";
import { fileURLToPath } from "node:url";
import { kLooks } from "../support/browser.mjs";
import { beginTask } from "../support/load.mjs";
import { pages } from "../support/pages.mjs";

const all = pages(path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../.."));

async function looked({ signedIn, axe, fits, shot }, look, places) {
  const bad = [];
  const page = await signedIn({ look });
  const see = async (name) => {
    for (const step of [() => axe(page, name), () => fits(page, name)]) await step().catch((error) => bad.push(error.message));
    await shot(page, `${name}-${look}`);
  };
  await places(page, see);
  if (bad.length > 0) throw new Error(bad.join("\n    "));
}

/** What has an address below a page's. */
async function details(mesh, loaded) {
  const generation = (await mesh.call("GET", "/admin/v1/indexes")).items[0].name;
  return {
    "events-filtered": "#/events?topic=analytics.events&tenant=acme&key=acme%2Fu-1",
    event: `#/events/id/${loaded.event}?topic=analytics.events`,
    "event-raw": `#/events/id/${loaded.event}?topic=analytics.events&view=raw`,
    "event-dead": "#/events/id/dead-0?topic=analytics.events",
    letters: "#/dead-letters/analytics.events.dlq",
    tenant: "#/tenants/acme",
    "tenant-limits": "#/tenants/acme/limits",
    "tenant-record": "#/tenants/acme/record",
    "tenant-purge": "#/tenants/acme/purge",
    "search-hits": "#/search?tenant=acme&query=alice",
    "search-why": "#/search?tenant=acme&query=alice&who=bob.jones%40acme.dev",
    pipeline: "#/pipelines/analytics",
    "index-generation": `#/indexes/${generation}`,
    "indexes-compare": "#/indexes/compare",
    task: `#/tasks/${await beginTask(mesh)}`,
    "configuration-members": "#/configuration/members",
    "configuration-servers": "#/configuration/servers",
    "configuration-log": "#/configuration/log",
    nothing: "#/nothing",
  };
}

const dialogs = [
  ["cancel", async (mesh) => `#/tasks/${await beginTask(mesh)}`, "Cancel …"],
  ["redrive", () => "#/dead-letters/analytics.events.dlq", "Redrive …"],
  ["edit", () => "#/dead-letters/analytics.events.dlq", "Edit …"],
  ["discard", () => "#/dead-letters/analytics.events.dlq", "Discard …"],
  ["throttle", () => "#/tenants/acme/limits", "Throttle search"],
  ["rebuild", () => "#/indexes", "Rebuild …"],
  ["seek", () => "#/pipelines/analytics", /^Seek/],
];

export default Object.keys(kLooks).flatMap((look) => [
  [`the sign-in, ${look}`, async ({ anyone, mesh, axe, fits, shot }) => {
    const page = await anyone({ look });
    await page.goto(`${mesh.admin}/console`);
    await page.getByLabel("Operator's token").waitFor();
    await axe(page, "sign-in");
    await fits(page, "sign-in");
    await shot(page, `sign-in-${look}`);
  }],
  ...all.map(({ name }) => [`${name}, ${look}`, (tools) => looked(tools, look, async (page, see) => {
    await tools.go(page, `#/${name}`);
    await see(name);
  })]),
  [`details, ${look}`, (tools) => looked(tools, look, async (page, see) => {
    for (const [name, at] of Object.entries(await details(tools.mesh, tools.loaded))) {
      await tools.go(page, at);
      await see(name);
    }
  })],
  [`dialogs, ${look}`, (tools) => looked(tools, look, async (page, see) => {
    for (const [name, at, button] of dialogs) {
      await tools.go(page, await at(tools.mesh));
      await page.getByRole("main").getByRole("button", { name: button }).first().click();
      await page.getByRole("dialog").waitFor();
      await tools.settled(page);
      await see(`dialog-${name}`);
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "hidden" });
    }
    await page.keyboard.press("?");
    await page.getByRole("dialog").waitFor();
    await see("dialog-help");
    await page.keyboard.press("Escape");
    await page.keyboard.press("/");
    await page.getByRole("combobox").fill("acme");
    await see("dialog-search");
  })],
]);
