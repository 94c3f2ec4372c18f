// The pages that the console says it has.
import fs from "node:fs";
import path from "node:path";

/** [{name, title, key}], of console/src/navigation.ts. */
export function pages(tree) {
  const text = fs.readFileSync(path.join(tree, "console/src/navigation.ts"), "utf8");
  const found = [...text.matchAll(/\{ name: "([^"]+)", title: "([^"]+)", key: "(.)" \}/g)].map(([, name, title, key]) => ({ name, title, key }));
  if (found.length < 9) throw new Error("navigation.ts is written in another way than this reads");
  return found;
}

/** The heading of the page, or of one whose heading says more: "Search playground". */
export const title = (page, name) => page.getByRole("main").getByRole("heading", { level: 1, name: name instanceof RegExp ? name : new RegExp(`^${name}( |$)`) });

export function holds(condition, what) {
  if (!condition) throw new Error(what);
}

export function same(got, wanted, what) {
  if (got !== wanted) throw new Error(`${what}: ${JSON.stringify(got)} instead of ${JSON.stringify(wanted)}`);
}
