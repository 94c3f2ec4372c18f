import { die, until } from "../support/load.mjs";
import { holds, same, title } from "../support/pages.mjs";

const counted = async (mesh, user) => (await mesh.json("dlq", "show", "analytics.events")).filter((each) => each.key === `acme/${user}`).length;

export default [
  ["why an event died is read, its data mended and sent back, and it is processed", async ({ signedIn, mesh, settled }) => {
    await die(mesh, "acme", [{ id: "mend-me", user: "mender" }]);
    const page = await signedIn({ at: "#/dead-letters" });
    const main = page.getByRole("main");
    await main.getByRole("region", { name: /^Causes/ }).getByRole("row").filter({ hasText: "acme" }).first().getByRole("link").first().click();
    await page.waitForURL(/#\/dead-letters\/analytics\.events\.dlq/);
    await settled(page);
    const letter = main.getByRole("listitem").filter({ hasText: "mend-me" });
    await letter.getByText(/event_type/).first().waitFor();
    await letter.getByRole("button", { name: "Edit …" }).click();
    const dialog = page.getByRole("dialog");
    const send = dialog.getByRole("button", { name: "Send it back" });
    holds(await send.isDisabled(), "what is not mended can be sent back");
    await dialog.getByRole("textbox").first().fill('{"user_id": "mender", ');
    holds(await send.isDisabled(), "what is no JSON can be sent back");
    await dialog.getByRole("textbox").first().fill('{"user_id": "mender", "event_type": "mended"}');
    await send.click();
    await dialog.waitFor({ state: "hidden" });
    await letter.waitFor({ state: "detached" });
    same(await counted(mesh, "mender"), 0, "letters of the event");
    await page.getByRole("status").filter({ hasText: "Sent back" }).getByRole("link", { name: "Look" }).click();
    await page.waitForURL(/#\/events\/analytics\.events\//);
    await main.getByText('"mended"').first().waitFor();
    await main.getByText("done", { exact: true }).first().waitFor();
    // By its id as well, though the one that died stands in the log before it.
    const traces = [];
    page.on("request", (request) => request.url().includes("/admin/v1/traces/") && traces.push(request.url()));
    await page.goto(page.url().replace(/#.*/, "#/events/id/mend-me"));
    await main.getByText('"mended"').first().waitFor();
    await main.getByText("Came back from a dead letter").first().waitFor();
    same(traces.length, 1, "traces that were asked for");
  }],
  ["a redrive is counted first, goes on as a task, and its outcome is seen", async ({ signedIn, mesh, settled }) => {
    await die(mesh, "acme", [{ id: "redrive-me", user: "redriver" }]);
    const page = await signedIn({ at: "#/dead-letters/analytics.events.dlq?tenant=acme&id=redrive-me" });
    const main = page.getByRole("main");
    await main.getByRole("listitem").filter({ hasText: "redrive-me" }).waitFor();
    await main.getByRole("button", { name: "Redrive …" }).first().click();
    await page.getByRole("dialog").getByRole("button", { name: "Redrive 1 letter" }).click();
    await page.getByRole("dialog").waitFor({ state: "hidden" });
    const outcome = main.getByRole("region", { name: "The task" });
    await outcome.getByText("done", { exact: true }).first().waitFor({ timeout: 90_000 });
    await outcome.getByText(/died again/i).first().waitFor();
    const address = page.url();
    await page.reload();
    await settled(page);
    same(page.url(), address, "the address");
    await outcome.getByText(/died again/i).first().waitFor();
    await outcome.getByRole("link", { name: "The task" }).click();
    await page.waitForURL(/#\/tasks\//);
    await title(page, /redrive/).waitFor();
  }],
  ["letters are discarded only after a question", async ({ signedIn, mesh }) => {
    await die(mesh, "acme", [{ id: "discard-me", user: "discarder" }]);
    const page = await signedIn({ at: "#/dead-letters/analytics.events.dlq?tenant=acme&id=discard-me" });
    await page.getByRole("main").getByRole("button", { name: "Discard …" }).first().click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Discard 1 letter" }).waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
    same(await counted(mesh, "discarder"), 1, "letters after Esc");
    await page.getByRole("main").getByRole("button", { name: "Discard …" }).first().click();
    await dialog.getByRole("button", { name: "Discard 1 letter" }).click();
    await dialog.waitFor({ state: "hidden" });
    await until(async () => (await counted(mesh, "discarder")) === 0, "the letter is discarded");
  }],
];
