import { beginTask } from "../support/load.mjs";
import { same } from "../support/pages.mjs";

export default [
  ["a task that runs shows how far it is, and is cancelled after a question", async ({ signedIn, mesh }) => {
    const id = await beginTask(mesh);
    const page = await signedIn({ at: `#/tasks/${id}` });
    const main = page.getByRole("main");
    await main.getByText("1,234 of 8,000").first().waitFor();
    await main.getByRole("button", { name: "Cancel …" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText(`mesh tasks cancel ${id}`).waitFor();
    await dialog.getByRole("button", { name: "Cancel the task" }).click();
    await dialog.waitFor({ state: "hidden" });
    // Its client hears of it, and ends it.
    const { cancel } = await mesh.call("PUT", `/admin/v1/tasks/${id}/progress`, { done: 1300, total: 8000 });
    same(cancel, true, "what the client is told");
    await mesh.call("POST", `/admin/v1/tasks/${id}/end`, { state: "cancelled", done: 1300, total: 8000 });
    await main.getByText("cancelled", { exact: true }).first().waitFor();
    await main.getByRole("button", { name: "Cancel …" }).waitFor({ state: "detached" });
  }],
  ["tasks are filtered by tenant and state, and sorted, in the address", async ({ signedIn, settled }) => {
    const page = await signedIn({ at: "#/tasks" });
    const main = page.getByRole("main");
    await main.getByRole("combobox", { name: "State" }).selectOption("done");
    await page.waitForURL(/state=done/);
    await main.getByRole("link", { name: "Kind" }).click();
    await page.waitForURL(/sort=kind/);
    const kinds = () => main.locator("tbody tr td:first-child").allInnerTexts();
    const sorted = await kinds();
    same(sorted.join(), [...sorted].sort().join(), "the order");
    await page.reload();
    await settled(page);
    await main.getByRole("row").nth(1).waitFor();
    same((await kinds()).join(), sorted.join(), "the order after a reload");
  }],
];
