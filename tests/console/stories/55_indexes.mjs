import { until } from "../support/load.mjs";

const serving = async (mesh) => (await mesh.call("GET", "/admin/v1/indexes")).items.find((each) => each.serving)?.name;

export default [
  ["the index of users is rebuilt and serves, and is rolled back", async ({ signedIn, mesh }) => {
    const before = await serving(mesh);
    const page = await signedIn({ at: "#/indexes" });
    const head = page.getByRole("main").getByRole("banner").or(page.locator("main .page-head").first());
    await head.getByRole("button", { name: "Rebuild …" }).first().click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText(/\d dimensions/).waitFor();
    await dialog.getByRole("button", { name: "Rebuild", exact: true }).click();
    await dialog.waitFor({ state: "hidden" });
    await page.getByText("The rebuild began").waitFor();
    const now = await until(async () => {
      const name = await serving(mesh);
      return name !== before ? name : undefined;
    }, "a new generation serves");
    await page.getByRole("main").getByRole("row").filter({ hasText: now }).getByText(/serving/).waitFor();
    await page.getByRole("main").getByRole("row").filter({ hasText: before }).getByText(/previous/).waitFor();
    await page.getByRole("main").getByRole("button", { name: /^Roll back/ }).first().click();
    await dialog.getByRole("button", { name: /roll back|serve/i }).click();
    await dialog.waitFor({ state: "hidden" });
    await until(async () => (await serving(mesh)) === before, "the generation before serves again");
    await page.getByRole("main").getByRole("row").filter({ hasText: before }).getByText(/serving/).waitFor();
  }],
  ["it is verified against the log", async ({ signedIn }) => {
    const page = await signedIn({ at: "#/indexes" });
    await page.getByRole("main").getByRole("link", { name: "Verify" }).click();
    await page.getByText(/0 missing/).waitFor();
  }],
  ["a search shows hits with scores, and why someone is not found", async ({ signedIn }) => {
    const page = await signedIn({ at: "#/search" });
    const main = page.getByRole("main");
    await main.getByRole("textbox", { name: "Tenant" }).or(main.getByRole("combobox", { name: "Tenant" })).first().fill("acme");
    await main.getByLabel("Query").fill("alcie");
    await main.getByRole("button", { name: "Ask" }).click();
    await page.waitForURL((url) => url.hash.includes("tenant=acme") && url.hash.includes("query=alcie"));
    await page.getByRole("list", { name: /^Hits of/ }).getByRole("listitem").first().getByText("Alice Smith").waitFor();
    await page.getByLabel("User's id or e-mail address").fill("bob.jones@acme.dev");
    await page.getByRole("button", { name: "Why not?" }).click();
    await page.waitForURL(/who=bob/);
    await main.getByRole("status").filter({ has: page.locator("strong") }).filter({ hasText: /score|rank|bob/i }).first().waitFor();
  }],
];
