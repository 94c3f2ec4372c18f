// Bundles the console into OUT/dist: `node bundle.mjs SOURCE OUT`.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";

const [source, out] = process.argv.slice(2);
const esbuild = createRequire(join(out, "package.json"))("esbuild");
const dist = join(out, "dist");
// What a browser loads in all, compressed. A page that needs more is a reason to look, not to raise it.
const budget = 80_000;

rmSync(dist, { recursive: true, force: true });
const result = await esbuild.build({
  entryPoints: [join(out, "src/main.tsx"), join(out, "src/style.css")],
  // Paths are seen from there, so that the same sources are the same bytes wherever they are built.
  absWorkingDir: out,
  outdir: dist,
  entryNames: "[name]-[hash]",
  bundle: true,
  minify: true,
  format: "iife",
  charset: "utf8",
  jsx: "automatic",
  jsxImportSource: "preact",
  target: ["chrome109", "firefox115", "safari16.4"],
  preserveSymlinks: true,
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
  define: { "process.env.NODE_ENV": '"production"' },
});

const assets = Object.keys(result.metafile.outputs).map((path) => basename(path));
const one = (ending) => assets.find((name) => name.endsWith(ending));
const page = readFileSync(join(source, "src/index.html"), "utf8")
  .replace("{{style}}", `/console/${one(".css")}`)
  .replace("{{script}}", `/console/${one(".js")}`);
const icon = readFileSync(join(source, "src/icon.svg"));
const iconName = `icon-${createHash("sha256").update(icon).digest("hex").slice(0, 8)}.svg`;
writeFileSync(join(dist, iconName), icon);
writeFileSync(join(dist, "index.html"), page.replace("{{icon}}", `/console/${iconName}`));

let total = 0;
for (const name of readdirSync(dist).sort()) {
  const size = gzipSync(readFileSync(join(dist, name)), { level: 9 }).length;
  total += size;
  console.log(`${name.padEnd(28)} ${String(size).padStart(6)} B compressed`);
}
console.log(`${"in all".padEnd(28)} ${String(total).padStart(6)} B of ${budget}`);
if (total > budget) {
  console.error(`console: ${total} B are more than the ${budget} B that the console may have`);
  process.exit(1);
}
