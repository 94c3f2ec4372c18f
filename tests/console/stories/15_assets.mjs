import zlib from "node:zlib";
import { holds, same } from "../support/pages.mjs";

const kMost = 80_000;

export default [
  [`all that is loaded is below ${kMost} bytes compressed, and cached by its name`, async ({ anyone, mesh }) => {
    const page = await anyone({ embedded: true });
    const files = [];
    page.on("response", (response) => {
      if (/^\/console(\/(?!session)|$)/.test(new URL(response.url()).pathname)) files.push(response);
    });
    await page.goto(`${mesh.admin}/console`);
    await page.getByLabel("Operator's token").waitFor();
    await page.waitForLoadState("networkidle");
    let sum = 0;
    for (const response of files) {
      const plain = zlib.gzipSync(await response.body(), { level: 9 }).length;
      const sent = Number((await response.allHeaders())["content-length"] ?? NaN);
      const { pathname } = new URL(response.url());
      const headers = await response.allHeaders();
      holds(/^(gzip|br|zstd)$/.test(headers["content-encoding"] ?? "") || plain < 2000, `${pathname} is sent without compression`);
      holds(headers["etag"], `${pathname} has no ETag`);
      if (pathname !== "/console") holds(/immutable/.test(headers["cache-control"] ?? ""), `${pathname} is not kept by browsers: ${headers["cache-control"]}`);
      sum += Number.isNaN(sent) ? plain : Math.max(sent, 0);
    }
    holds(files.some((each) => each.url().endsWith(".js")) && files.some((each) => each.url().endsWith(".css")), "no script or no style was loaded");
    console.log(`   ${files.length} files, ${sum} bytes compressed`);
    holds(sum < kMost, `${sum} bytes`);
  }],
  ["the page allows scripts and styles of its own alone", async ({ mesh }) => {
    const policy = (await fetch(`${mesh.admin}/console`)).headers.get("content-security-policy") ?? "";
    const directives = new Map(policy.split(";").map((each) => each.trim().split(/\s+/)).map(([name, ...values]) => [name, values.join(" ")]));
    for (const [name, value] of [["default-src", "'none'"], ["script-src", "'self'"], ["style-src", "'self'"], ["connect-src", "'self'"], ["frame-ancestors", "'none'"],
      ["base-uri", "'none'"], ["form-action", "'none'"]]) {
      same(directives.get(name), value, name);
    }
  }],
];
