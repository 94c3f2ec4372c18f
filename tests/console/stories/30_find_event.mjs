import { holds } from "../support/pages.mjs";

export default [
  ["an event is found by its id from the search box, with its data, its trace and its place", async ({ signedIn, mesh, settled }) => {
    const id = "01890000-0000-7000-8000-00000000c0de";
    await mesh.run("events", "publish", "--tenant", "acme", "--id", id, "--type", "analytics.recorded", "--data", '{"user_id":"finder","event_type":"found_me"}', "--wait");
    const page = await signedIn();
    await page.keyboard.press("/");
    await page.getByRole("combobox").fill(id);
    await page.getByRole("option", { name: /event: its trace/ }).waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL(/#\/events\/id\//);
    const main = page.getByRole("main");
    await main.getByText("found_me").first().waitFor();
    await main.getByRole("list", { name: "Trace of the event" }).or(main.getByLabel("Trace of the event")).first().waitFor();
    await main.getByText("done", { exact: true }).first().waitFor();
    await main.getByText(/^It is counted since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.$/).waitFor();
    // Its place has an address of its own.
    await main.getByRole("link", { name: /^analytics\.events\/\d+@\d+$/ }).first().click();
    await page.waitForURL(/#\/events\/analytics\.events\/\d+\/\d+$/);
    await settled(page);
    await main.getByText("found_me").first().waitFor();
    await main.getByRole("link", { name: "Raw" }).click();
    await main.getByText("ce_specversion").first().waitFor();
  }],
  ["events are found by filters, which stand in the address", async ({ signedIn, settled }) => {
    const page = await signedIn({ at: "#/events" });
    const main = page.getByRole("main");
    await main.getByRole("combobox", { name: "Topic" }).selectOption("analytics.events");
    await page.waitForURL(/topic=analytics\.events/);
    await main.getByRole("searchbox", { name: "Tenant" }).fill("acme");
    await main.getByRole("searchbox", { name: "Type" }).fill("analytics.recorded");
    await main.getByRole("searchbox", { name: "Key" }).fill("acme/u-7");
    await page.waitForURL((url) => url.hash.includes("tenant=acme") && url.hash.includes("key="));
    await settled(page);
    const rows = main.getByRole("region", { name: "Records, newest first" }).getByRole("row");
    await rows.nth(1).waitFor();
    await page.waitForFunction(() => [...document.querySelectorAll("main tbody tr")].every((each) => each.textContent.includes("acme/u-7")));
    const found = await rows.count();
    holds(found > 5, `${found} rows`);
    await page.reload();
    await settled(page);
    await rows.nth(found - 1).waitFor();
    await rows.nth(1).getByRole("link").first().click();
    await page.getByRole("dialog").getByText("u-7").first().waitFor();
    await page.getByRole("dialog").getByRole("link", { name: "Its own page" }).click();
    await page.waitForURL(/#\/events\/analytics\.events\/\d+\/\d+$/);
    await page.goBack();
    await page.getByRole("dialog").waitFor();
  }],
  ["a live tail shows what comes", async ({ signedIn, mesh }) => {
    const page = await signedIn({ at: "#/events?topic=analytics.events&tenant=acme" });
    const main = page.getByRole("main");
    await main.getByRole("button", { name: "Live tail" }).click();
    await main.getByRole("button", { name: "Stop" }).waitFor();
    await mesh.run("events", "publish", "--tenant", "acme", "--type", "analytics.recorded", "--data", '{"user_id":"tail","event_type":"seen_live"}');
    await main.getByText("seen_live").first().waitFor();
  }],
  ["an event that there is not is said so", async ({ signedIn }) => {
    const page = await signedIn({ at: "#/events/id/01890000-0000-7000-8000-00000000dead", allow: /404/ });
    await page.getByRole("alert").first().waitFor();
  }],
];
