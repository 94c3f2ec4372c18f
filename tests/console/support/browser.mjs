// Chromium and what every check has of it. Whatever a page does that no page may do fails the check: an error in the
// browser's console, a dialog of the browser's, a request to another origin.
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const kPatience = 20_000;
export const kLooks = {
  light: { scheme: "light", width: 1280, height: 800 },
  dark: { scheme: "dark", width: 1280, height: 800 },
  narrow: { scheme: "light", width: 400, height: 800 },
};

export class Browsers {
  #mesh;
  #browser;
  #axe;
  #shots;
  #dist;
  #signedIn = new Map();

  /** `dist`: a folder of the console's files in the place of those in meshd. */
  static async start({ mesh, folder, shots, shown, dist }) {
    const require = createRequire(path.join(folder, "package.json"));
    const made = new Browsers();
    made.#mesh = mesh;
    made.#shots = shots;
    made.#dist = dist;
    made.#axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
    const { chromium } = require("playwright-core");
    const root = process.getuid?.() === 0;
    made.#browser = await chromium.launch({ executablePath: "/usr/bin/chromium", headless: !shown,
      args: ["--disable-dev-shm-usage", ...(root ? ["--no-sandbox"] : [])] });
    return made;
  }

  async close() { await this.#browser?.close(); }

  /** The address by which `mesh console` signs in. */
  async address({ readOnly, hidePayloads } = {}) {
    const { url } = await this.#mesh.json("console", "--no-open", ...(readOnly ? ["--read-only"] : []), ...(hidePayloads ? ["--hide-payloads"] : []));
    return url;
  }

  async #newContext({ embedded, ...options } = {}) {
    const context = await this.#browser.newContext(options);
    context.setDefaultTimeout(kPatience);
    if (this.#dist && !embedded) {
      const policy = (await fetch(`${this.#mesh.admin}/console`)).headers.get("content-security-policy");
      await context.route((url) => /^\/console(\/(?!session)|$)/.test(url.pathname), (route) => {
        const file = new URL(route.request().url()).pathname.replace(/^\/console\/?/, "") || "index.html";
        // Those of meshd, to which / led: what redirects is not asked for here.
        if (!fs.existsSync(path.join(this.#dist, file))) return route.continue();
        return route.fulfill({ path: path.join(this.#dist, file), headers: { "content-security-policy": policy,
          "content-type": { ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html" }[path.extname(file)] } });
      });
    }
    return context;
  }

  check(name) {
    const opened = [];
    const bad = [];

    /** A page in a browser that knows nothing. `allow`: errors of the browser's console that this check means to
     * cause; `embedded`: of meshd's own files in any case. */
    const anyone = async ({ look = "light", allow, state, embedded } = {}) => {
      const { scheme, width, height } = kLooks[look];
      const context = await this.#newContext({ embedded, viewport: { width, height }, colorScheme: scheme, reducedMotion: "reduce", locale: "en-GB",
        timezoneId: "UTC", ...(state ? { storageState: state } : {}) });
      await context.grantPermissions(["clipboard-read", "clipboard-write"]);
      const page = await context.newPage();
      opened.push({ context, page });
      page.on("console", (message) => {
        if (message.type() === "error" && !allow?.test(message.text())) bad.push(`console: ${message.text()} ${message.location().url}`);
      });
      page.on("pageerror", (error) => bad.push(`error of the page: ${error.stack}`));
      page.on("dialog", (dialog) => {
        bad.push(`a dialog: ${dialog.message()}`);
        void dialog.dismiss();
      });
      page.on("request", (request) => {
        const url = new URL(request.url());
        if (url.origin !== this.#mesh.admin && url.protocol !== "data:") bad.push(`a request to ${request.url()}`);
      });
      return page;
    };

    /** A page that is signed in, at `at`: "#/events". */
    const signedIn = async ({ at = "#/overview", readOnly, hidePayloads, ...options } = {}) => {
      const kind = `${readOnly ? "read-only" : ""} ${hidePayloads ? "hidden" : ""}`;
      if (!this.#signedIn.has(kind)) {
        const context = await this.#newContext();
        const page = await context.newPage();
        await page.goto(await this.address({ readOnly, hidePayloads }));
        await page.getByRole("navigation", { name: "Pages" }).waitFor();
        this.#signedIn.set(kind, await context.storageState());
        await context.close();
      }
      const page = await anyone({ ...options, state: this.#signedIn.get(kind) });
      await go(page, at);
      return page;
    };

    const go = async (page, at) => {
      await page.goto(`${this.#mesh.admin}/console${at}`);
      await settled(page);
    };

    /** Until a page shows what it has asked for. */
    const settled = async (page) => {
      await page.getByRole("heading", { level: 1 }).first().waitFor();
      await page.waitForFunction(() => !document.querySelector("[aria-busy=true]") &&
        ![...document.querySelectorAll("[role=status], .empty")].some((each) => /^(Loading|Connecting)/.test(each.textContent)));
    };

    const axe = async (page, what) => {
      const cdp = await page.context().newCDPSession(page);
      await cdp.send("Runtime.evaluate", { expression: this.#axe });
      const { result, exceptionDetails } = await cdp.send("Runtime.evaluate", { awaitPromise: true, returnByValue: true,
        expression: "axe.run().then(({ violations }) => violations.map(({ id, help, nodes }) => `${id} (${help}): ` + nodes.slice(0, 4).map((each) => each.target.join(' ') + ' ' + each.html.slice(0, 160)).join(' | ')))" });
      await cdp.detach();
      if (exceptionDetails) throw new Error(`axe: ${exceptionDetails.exception?.description}`);
      if (result.value.length > 0) throw new Error(`${what}: axe-core: ${result.value.join("\n    ")}`);
    };

    const fits = async (page, what) => {
      const wide = await page.evaluate(() => {
        const room = document.documentElement.clientWidth;
        const over = document.documentElement.scrollWidth - room;
        if (over <= 0) return null;
        const widest = [...document.querySelectorAll("main *")].filter((each) => each.getBoundingClientRect().right > room + 1).slice(0, 4);
        return `${over} px too wide: ${widest.map((each) => `${each.tagName.toLowerCase()}.${each.className}`).join(", ")}`;
      });
      if (wide) throw new Error(`${what}: ${wide}`);
    };

    const shot = (page, what) => page.screenshot({ path: path.join(this.#shots, `${what}.png`), animations: "disabled" });

    const close = () => Promise.all(opened.splice(0).map(({ context }) => context.close().catch(() => {})));
    const throwBad = () => {
      if (bad.length > 0) throw new Error([...new Set(bad)].join("\n    "));
    };
    return {
      tools: { anyone, signedIn, go, settled, axe, fits, shot, address: (options) => this.address(options) },
      end: async () => {
        throwBad();
        await close();
        throwBad();
      },
      /** Pictures of what was to be seen. */
      failed: async () => {
        const files = [];
        for (const [index, { page }] of opened.entries()) {
          const file = path.join(this.#shots, `failed-${name.replace(/[^a-z0-9]+/gi, "-").slice(0, 80)}${index || ""}.png`);
          await page.screenshot({ path: file }).then(() => files.push(`${page.url()} ${file}`), () => {});
        }
        await close();
        return [...new Set(bad), ...files];
      },
    };
  }
}
