// Runs the checks of tests/console/stories, one after the other, against one meshd, and prints a line for each:
// main.mjs BUILD FOLDER [--filter PATTERN]… [--shown] [--dist FOLDER].
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { Browsers } from "./browser.mjs";
import { load } from "./load.mjs";
import { Mesh } from "./mesh.mjs";

const kSkipped = 3;
const kOneCheck = 120_000;

const { values, positionals: [build, folder] } = parseArgs({
  allowPositionals: true,
  options: { filter: { type: "string", multiple: true, default: [""] }, shown: { type: "boolean", default: false }, dist: { type: "string" } },
});
const here = path.dirname(fileURLToPath(import.meta.url));
const tree = path.resolve(here, "../../..");

/** A check that hangs fails, and not the run. */
function within(milliseconds, work) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${milliseconds / 1000} s`)), milliseconds);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

async function stories() {
  const names = fs.readdirSync(path.join(here, "../stories")).filter((name) => name.endsWith(".mjs")).sort();
  const found = [];
  for (const name of names) {
    const { default: checks } = await import(pathToFileURL(path.join(here, "../stories", name)).href);
    for (const [title, check] of checks) found.push({ name: `${name.replace(/^\d+_|\.mjs$/g, "")}: ${title}`, check });
  }
  return found;
}

const mesh = new Mesh(path.join(build, "bin"));
let browsers;
let failed = 0;
let count = 0;
let leaving = false;
const leave = async () => {
  leaving = true;
  await browsers?.close().catch(() => {});
  await mesh.stop().catch(() => {});
};
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => void leave().finally(() => process.exit(130)));
try {
  await mesh.start();
  const page = await fetch(`${mesh.admin}/console`);
  if (page.status === 404) {
    console.log("console: this meshd was built without the console; it was not tried in a browser");
    await leave();
    mesh.forget();
    process.exit(kSkipped);
  }
  const loaded = await load(mesh);
  const shots = path.join(folder, "shots");
  fs.rmSync(shots, { recursive: true, force: true });
  fs.mkdirSync(shots, { recursive: true });
  browsers = await Browsers.start({ mesh, folder, shots, shown: values.shown, dist: values.dist && path.resolve(values.dist) });
  for (const { name, check } of await stories()) {
    if (leaving || !values.filter.some((each) => name.includes(each))) continue;
    count += 1;
    const began = Date.now();
    const about = browsers.check(name);
    try {
      await within(kOneCheck, check({ mesh, loaded, tree, ...about.tools }));
      await about.end();
      console.log(`ok ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
    } catch (error) {
      failed += 1;
      const pictures = await about.failed();
      console.log(`FAILED ${name}: ${error.stack ?? error}${pictures.map((each) => `\n    ${each}`).join("")}`);
    }
  }
} catch (error) {
  failed += 1;
  console.log(`FAILED console: ${error.stack ?? error}`);
}
await leave();
if (failed > 0) {
  const log = path.join(folder, "meshd.log");
  fs.copyFileSync(mesh.log, log);
  console.log(`console: meshd's log is ${path.relative(tree, log)}`);
}
mesh.forget();
console.log(`console: ${count} checks, ${failed === 0 ? "ok" : `${failed} FAILED`}`);
process.exit(failed === 0 ? 0 : 1);
