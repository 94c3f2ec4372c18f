// The last: it ends meshd and starts it again.
import { title } from "../support/pages.mjs";

export default [
  ["a lost connection is said, and comes back by itself", async ({ signedIn, mesh, loaded, settled }) => {
    const page = await signedIn({ at: "#/tasks", allow: /ERR_|Failed to load resource/ });
    const live = page.getByRole("banner").getByRole("status");
    await live.getByText("Live").waitFor();
    await mesh.stop();
    await live.getByText(/No connection/).waitFor();
    await mesh.start();
    await live.getByText("Live").waitFor({ timeout: 60_000 });
    await title(page, "Tasks").waitFor();
    await page.locator(`main a[href="#/tasks/${loaded.task}"]`).click();
    await settled(page);
    await page.getByText(loaded.task).first().waitFor();
  }],
];
