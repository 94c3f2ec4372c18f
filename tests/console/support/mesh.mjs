// A meshd of its own in a temporary folder on free ports, and the `mesh` beside it.
import { spawn } from "node:child_process";
import crypto from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const kListeners = ["users", "gateway", "publisher", "subscriber", "admin"];
const kStart = 60_000;

export class Mesh {
  #bin;
  #work = fs.mkdtempSync(path.join(os.tmpdir(), "mesh-console-"));
  #process;
  #addresses;

  constructor(bin) {
    this.#bin = bin;
    // Nothing of the caller's.
    this.env = { XDG_CONFIG_HOME: path.join(this.#work, "config"), MESH_DATA_DIR: this.dataDir };
    for (const [name, value] of Object.entries(process.env)) {
      if (!name.startsWith("MESH_")) this.env[name] ??= value;
    }
  }

  get dataDir() { return path.join(this.#work, "data"); }
  get log() { return path.join(this.#work, "meshd.log"); }
  get admin() { return `http://${this.#addresses.admin}`; }
  get token() { return fs.readFileSync(path.join(this.dataDir, "operator.token"), "utf8").trim(); }
  file(name) { return path.join(this.#work, name); }

  /** Again on the same ports where it ran before. */
  async start() {
    const addresses = this.#addresses ?? Object.fromEntries(kListeners.map((name) => [name, "127.0.0.1:0"]));
    const listen = kListeners.map((name) => `  ${name}: ${addresses[name]}\n`).join("");
    // Purges are signed.
    if (!fs.existsSync(this.file("key.pem"))) {
      const { privateKey } = crypto.generateKeyPairSync("ed25519");
      fs.writeFileSync(this.file("key.pem"), privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
    }
    fs.writeFileSync(this.file("meshd.yaml"), `listen:\n${listen}tenants: {receipt_key_file: ${this.file("key.pem")}}\n`);
    const run = path.join(this.dataDir, "run.json");
    fs.rmSync(run, { force: true });
    const log = fs.openSync(this.log, "a");
    const child = spawn(path.join(this.#bin, "meshd"), ["--config", this.file("meshd.yaml"), "--data-dir", this.dataDir],
      { env: this.env, stdio: ["ignore", log, log] });
    fs.closeSync(log);
    this.#process = child;
    process.once("exit", () => child.kill("SIGKILL"));  // Where this ends otherwise than by stop().
    const gone = new Promise((_, reject) => {
      child.once("error", reject);
      // Its folder is gone where the run is over.
      const said = () => (fs.existsSync(this.log) ? fs.readFileSync(this.log, "utf8").slice(-2000) : "");
      child.once("exit", (code) => reject(new Error(`meshd ended with ${code}: ${said()}`)));
    });
    gone.catch(() => {});
    const up = (async () => {
      for (const end = Date.now() + kStart; !fs.existsSync(run); await pause(20)) {
        if (Date.now() > end) throw new Error("meshd does not start");
      }
    })();
    await Promise.race([up, gone]);
    this.#addresses = JSON.parse(fs.readFileSync(run, "utf8")).addresses;
  }

  async stop() {
    const child = this.#process;
    this.#process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await ended;
  }

  forget() { fs.rmSync(this.#work, { recursive: true, force: true }); }

  /** What `mesh WORDS` prints. */
  async run(...words) {
    const child = spawn(path.join(this.#bin, "mesh"), words, { env: this.env, stdio: ["ignore", "pipe", "pipe"] });
    let out = "";
    let err = "";
    child.stdout.on("data", (data) => (out += data));
    child.stderr.on("data", (data) => (err += data));
    const code = await new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    if (code !== 0) throw new Error(`mesh ${words.join(" ")}: ${(err || out).slice(0, 2000) || code}`);
    return out;
  }

  async json(...words) { return JSON.parse(await this.run(...words, "-o", "json")); }

  /** A request of an operator's. */
  async call(method, where, body) {
    const answer = await fetch(this.admin + where, {
      method,
      headers: { Authorization: `Bearer ${this.token}`, ...(body ? { "Content-Type": "application/json" } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${where}: ${answer.status} ${text}`);
    return text === "" ? null : JSON.parse(text);
  }
}
