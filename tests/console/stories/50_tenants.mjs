import { holds, same } from "../support/pages.mjs";

export default [
  ["a tenant is throttled, and is back at its default", async ({ signedIn, mesh }) => {
    const page = await signedIn({ at: "#/tenants/globex/limits" });
    const main = page.getByRole("main");
    await main.getByRole("button", { name: "Throttle publish" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("textbox").fill("2/1m+3");
    await dialog.getByText("2/1m+3").first().waitFor();
    await dialog.getByRole("button", { name: "Throttle it" }).click();
    await dialog.waitFor({ state: "hidden" });
    await main.getByRole("row").filter({ hasText: "publish" }).getByText("2/1m+3").waitFor();
    holds(/publish +2 per 1m, burst 3/.test(await mesh.run("ratelimit", "show", "globex")), "mesh ratelimit show does not have it");
    await main.getByRole("button", { name: "Default publish" }).click();
    await dialog.getByRole("button", { name: "Take its own limit away" }).click();
    await dialog.waitFor({ state: "hidden" });
    await main.getByRole("button", { name: "Default publish" }).waitFor({ state: "detached" });
  }],
  ["a quota is set", async ({ signedIn, mesh }) => {
    const page = await signedIn({ at: "#/tenants/globex/limits" });
    await page.getByRole("main").getByRole("button", { name: "Set events_per_day" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("textbox").fill("5000");
    await dialog.getByRole("button", { name: "Set the quota" }).click();
    await dialog.waitFor({ state: "hidden" });
    same((await mesh.json("tenants", "get", "globex")).quotas?.events_per_day, 5000, "the quota");
  }],
  ["a purge is planned: what would go is counted, and nothing goes before the name is typed", async ({ signedIn, mesh, settled }) => {
    const page = await signedIn({ at: "#/tenants/globex/purge" });
    const main = page.getByRole("main");
    holds(await main.getByRole("button", { name: "Purge …" }).isDisabled(), "a purge can be asked for without a plan");
    await main.getByRole("button", { name: "Count what there is" }).click();
    await page.waitForURL(/plan=/);
    await main.getByText(/would go/).waitFor();
    await page.reload();
    await settled(page);
    await main.getByText(/would go/).waitFor();
    await main.getByRole("button", { name: "Purge …" }).click();
    const dialog = page.getByRole("dialog");
    const erase = dialog.getByRole("button", { name: /^Erase/ });
    holds(await erase.isDisabled(), "it can be purged without its name");
    await dialog.getByRole("textbox").fill("globe");
    holds(await erase.isDisabled(), "it can be purged by a part of its name");
    await dialog.getByRole("textbox").fill("globex");
    holds(await erase.isEnabled(), "it cannot be purged by its name");
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
    same((await mesh.json("users", "list", "--tenant", "globex")).length, 5, "users of the tenant");
  }],
  ["a new tenant is made; its purge begins once its name is typed, and is still there after a reload", async ({ signedIn, mesh, settled }) => {
    const page = await signedIn({ at: "#/tenants" });
    const main = page.getByRole("main");
    await main.getByRole("button", { name: "New tenant …" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("textbox", { name: /^Id/ }).fill("short-lived");
    await dialog.getByRole("textbox", { name: /^Name/ }).fill("Short & lived");
    await dialog.getByRole("button", { name: "Create the tenant" }).click();
    await page.waitForURL(/#\/tenants\/short-lived$/);
    await mesh.run("users", "create", "--tenant", "short-lived", "--email", "a@b.dev", "--name", "A", "--wait");
    await main.getByRole("link", { name: "Purge" }).click();
    await main.getByRole("button", { name: "Count what there is" }).click();
    await main.getByText(/would go/).waitFor();
    await main.getByRole("button", { name: "Purge …" }).click();
    await dialog.getByRole("textbox").fill("short-lived");
    await dialog.getByRole("button", { name: /^Erase/ }).click();
    await page.waitForURL(/purge=/);
    // It takes a minute at least, which no test waits for.
    await main.getByRole("heading", { name: "The purge" }).waitFor();
    await page.reload();
    await settled(page);
    await main.getByRole("heading", { name: "The purge" }).waitFor();
    await main.getByText("closed", { exact: true }).waitFor();
  }],
];
