// Every page by its address, by keys and by the frame.
import path from "node:path";
import { fileURLToPath } from "node:url";
import { holds, pages, same, title } from "../support/pages.mjs";

const all = pages(path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../.."));

export default [
  ...all.map((one, index) => [`${one.name} by its address, after a reload and back`, async ({ signedIn, settled }) => {
    const next = all[(index + 1) % all.length];
    const page = await signedIn({ at: `#/${one.name}` });
    await title(page, one.title).waitFor();
    holds((await page.title()).startsWith(one.title) && (await page.title()).endsWith(" · mesh"), `the title is ${await page.title()}`);
    const address = page.url();
    await page.reload();
    await settled(page);
    await title(page, one.title).waitFor();
    same(page.url(), address, "the address after a reload");
    const pagesOf = page.getByRole("navigation", { name: "Pages" });
    same(await pagesOf.getByRole("link", { name: one.title }).first().getAttribute("aria-current"), "page", "the page in the navigation");
    await pagesOf.getByRole("link", { name: next.title }).first().click();
    await title(page, next.title).waitFor();
    await page.goBack();
    await title(page, one.title).waitFor();
    same(page.url(), address, "the address after going back");
  }]),
  ["keys lead to every page, help and search", async ({ signedIn }) => {
    const page = await signedIn();
    for (const one of [...all.slice(1), all[0]]) {
      await page.keyboard.press("g");
      await page.keyboard.press(one.key);
      await title(page, one.title).waitFor();
    }
    await page.keyboard.press("?");
    await page.getByRole("dialog").getByText("go to Tasks").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "hidden" });
    await page.keyboard.press("/");
    await page.getByRole("combobox").fill("tasks");
    await page.keyboard.press("Enter");
    await title(page, "Tasks").waitFor();
  }],
  ["an address of no page says so", async ({ signedIn }) => {
    const page = await signedIn({ at: "#/nothing/here" });
    await title(page, "No such page").waitFor();
  }],
  ["what stands in a view as `mesh …` is copied", async ({ signedIn }) => {
    const page = await signedIn({ at: "#/tasks?tenant=acme" });
    await page.getByRole("main").getByRole("button", { name: "Copy" }).first().click();
    await page.getByText("Copied").first().waitFor();
    same(await page.evaluate(() => navigator.clipboard.readText()), "mesh tasks list --tenant acme", "what was copied");
  }],
  ["light or dark, and the zone of times, are kept", async ({ signedIn, settled }) => {
    const page = await signedIn();
    const light = await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    await page.getByRole("banner").getByTitle("Light or dark").click();
    await page.waitForFunction((before) => getComputedStyle(document.documentElement).backgroundColor !== before, light);
    const dark = await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    await page.getByRole("banner").getByTitle("Times in UTC or of this place").click();
    const zone = await page.getByRole("banner").getByTitle("Times in UTC or of this place").textContent();
    await page.reload();
    await settled(page);
    same(await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor), dark, "the background after a reload");
    same(await page.getByRole("banner").getByTitle("Times in UTC or of this place").textContent(), zone, "the zone after a reload");
  }],
];
