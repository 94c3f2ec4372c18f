import { same, title } from "../support/pages.mjs";

const field = (page) => page.getByLabel("Operator's token");

export default [
  ["what `mesh console` prints signs in, and leaves nothing in the address", async ({ anyone, address, settled }) => {
    const page = await anyone();
    await page.goto(await address());
    await title(page, "Overview").waitFor();
    same(new URL(page.url()).hash, "#/overview", "the address");
    await page.reload();
    await title(page, "Overview").waitFor();
    await settled(page);
    const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
    console.log(`   first contentful paint after ${Math.round(paint)} ms`);
  }],
  ["a code that was used once signs nobody in", async ({ anyone, address }) => {
    const url = await address();
    const first = await anyone();
    await first.goto(url);
    await title(first, "Overview").waitFor();
    const second = await anyone({ allow: /401/ });
    await second.goto(url);
    await second.getByRole("alert").waitFor();
    await field(second).waitFor();
  }],
  ["the operator's token signs in where one wanted to go; a wrong one does not", async ({ anyone, mesh }) => {
    const page = await anyone({ allow: /401/ });
    await page.goto(`${mesh.admin}/console#/tasks?state=done`);
    await field(page).fill("not the token");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").waitFor();
    await field(page).fill(mesh.token);
    await page.getByRole("button", { name: "Sign in" }).click();
    await title(page, "Tasks").waitFor();
    same(new URL(page.url()).hash, "#/tasks?state=done", "the address");
  }],
  ["who has signed out is asked again", async ({ anyone, address, mesh }) => {
    const page = await anyone({ allow: /401/ });
    await page.goto(await address());
    await title(page, "Overview").waitFor();
    await page.getByRole("banner").getByRole("button", { name: "operator" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Sign out" }).click();
    await field(page).waitFor();
    await page.goto(`${mesh.admin}/console#/tasks`);
    await field(page).waitFor();
  }],
  ["a browser that asks for / gets the console", async ({ anyone, mesh }) => {
    const page = await anyone();
    await page.goto(`${mesh.admin}/`);
    await field(page).waitFor();
  }],
];
