#!/usr/bin/env node
// Checks the console's calls against the API of a meshd: starts it in a folder of its own, on a free port, and asks for
// the description of its admin address. Leaves OUT/types where all fits.
//
//   check_types.mjs OUT MESHD
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const [out, meshd] = process.argv.slice(2);
if (!meshd) { console.error("usage: check_types.mjs OUT MESHD"); process.exit(2); }
const stamp = join(out, "types");
rmSync(stamp, { force: true });
if (existsSync(join(out, "missing"))) { writeFileSync(stamp, "no console\n"); process.exit(0); }

const folder = mkdtempSync(join(tmpdir(), "mesh-types-"));
const config = join(folder, "meshd.yaml"), run = join(folder, "data", "run.json");
writeFileSync(config, `data_dir: ${folder}/data\nroles: [admin, pipelines]\nlisten: {admin: "127.0.0.1:0"}\n`);
const daemon = spawn(meshd, ["--config", config], { stdio: ["ignore", "ignore", "pipe"] });
let said = "";
daemon.stderr.on("data", text => { said += text; });
const ended = new Promise(resolve => {
  daemon.once("exit", resolve);
  daemon.once("error", error => { said += error.message; resolve(); });
});
const deadline = Date.now() + 60_000;

async function description() {
  // It is written once the listener answers; a daemon that cannot start ends.
  while (!existsSync(run)) {
    const over = await Promise.race([ended.then(() => true), new Promise(next => setTimeout(next, 20, false))]);
    if (Date.now() > deadline) throw new Error(`meshd does not listen:\n${said}`);
    if (over) throw new Error(`meshd ended before it listened:\n${said}`);
  }
  const { addresses } = JSON.parse(readFileSync(run, "utf8"));
  return (await fetch(`http://${addresses.admin}/openapi.json`)).text();
}

try {
  const file = join(out, "description.json");
  writeFileSync(file, await description());
  execFileSync(join(here, "check"), [out, file], { stdio: "inherit" });
  writeFileSync(stamp, "");
} catch (error) {
  console.error(error.status === undefined ? String(error.message) : "console: its calls do not fit the API");
  process.exitCode = 1;
} finally {
  daemon.kill("SIGTERM");
  const patience = setTimeout(() => daemon.kill("SIGKILL"), 10_000);
  await ended;
  clearTimeout(patience);
  rmSync(folder, { recursive: true, force: true });
}
