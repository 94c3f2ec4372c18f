// What the mesh runs with, and where each value comes from.
import fs from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { holds, same } from "../support/pages.mjs";

const cells = async (page, key) => (await page.getByRole("main").getByRole("row").filter({ has: page.getByText(key, { exact: true }) }).getByRole("cell").allInnerTexts()).map((each) => each.trim());

const setting = async (mesh, key) => (await mesh.call("GET", "/admin/v1/config/settings")).items.find((each) => each.key === key);

/** With `text` as its configuration; until what `key` will have is `next`. */
async function reread(mesh, text, key, next) {
  fs.writeFileSync(mesh.file("meshd.yaml"), text);
  process.kill(JSON.parse(fs.readFileSync(path.join(mesh.dataDir, "run.json"), "utf8")).pid, "SIGHUP");
  for (let tries = 0; ((await setting(mesh, key)).pending?.value ?? null) !== next; ++tries) {
    holds(tries < 500, `${key} has no ${next} waiting: was the reload refused?`);
    await pause(20);
  }
}

export default [
  ["a setting has its value, its default and where it comes from", async ({ signedIn, mesh }) => {
    const page = await signedIn({ at: "#/configuration?filter=receipt_key" });
    await page.getByRole("main").getByTitle(`${mesh.file("meshd.yaml")}:7`).waitFor();
    same((await cells(page, "tenants.receipt_key_file")).join("|"), ["tenants.receipt_key_file", mesh.file("key.pem"), "not set", "meshd.yaml:7"].join("|"), "the row of the file");
    await page.getByRole("searchbox", { name: "Setting or value" }).fill("data_dir");
    await page.waitForURL(/filter=data_dir/);
    await page.getByRole("main").getByText("--data-dir").waitFor();
    same((await cells(page, "data_dir")).join("|"), ["data_dir", mesh.dataDir, "./mesh-data", "--data-dir"].join("|"), "the row of the flag");
    await page.getByRole("searchbox", { name: "Setting or value" }).fill("max_body");
    await page.waitForURL(/filter=max_body/);
    await page.getByRole("main").getByText("1MiB").first().waitFor();
    same((await cells(page, "http.max_body")).join("|"), "http.max_body|1MiB|same|default", "the row of a default");
  }],
  ["those that are changed are shown alone, and as `mesh config list`", async ({ signedIn, settled, mesh }) => {
    const page = await signedIn({ at: "#/configuration?filter=listen" });
    const main = page.getByRole("main");
    await main.getByRole("combobox", { name: "Show" }).selectOption("set");
    await page.waitForURL(/show=set/);
    await page.reload();
    await settled(page);
    await main.getByText("mesh config list --set listen", { exact: true }).waitFor();
    await main.getByRole("row").nth(5).waitFor();
    const keys = await main.locator("tbody tr td:first-child").allInnerTexts();
    const listed = (await mesh.json("config", "list", "--set", "listen")).map(({ key }) => key);
    same(keys.join(), listed.join(), "the keys");
    holds(keys.length === 5 && keys.every((key) => key.startsWith("listen.")), `they are ${keys.join(", ")}`);
  }],
  ["what needs a restart is said to come with the next start", async ({ signedIn, mesh }) => {
    const before = fs.readFileSync(mesh.file("meshd.yaml"), "utf8");
    await reread(mesh, `${before}pipelines: {batch: 99}\n`, "pipelines.batch", 99);
    try {
      const page = await signedIn({ at: "#/configuration?filter=pipelines.batch&show=set" });
      await page.getByRole("main").getByText("99 at the next start").waitFor();
    } finally {
      await reread(mesh, before, "pipelines.batch", null);
    }
  }],
];
