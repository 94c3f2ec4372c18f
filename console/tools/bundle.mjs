// Bundles the console into OUT/dist: `node bundle.mjs SOURCE OUT`.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const [source, out] = process.argv.slice(2);
const packages = createRequire(join(out, "package.json"));
const esbuild = packages("esbuild"), { minify } = packages("terser");
const dist = join(out, "dist");
// What a browser loads in all, compressed. A page that needs more is a reason to look, not to raise it.
const budget = 80_000;

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
const { outputFiles } = await esbuild.build({
  entryPoints: [join(out, "src/main.tsx"), join(out, "src/style.css")],
  // Paths are seen from there, so that the same sources are the same bytes wherever they are built.
  absWorkingDir: out,
  outdir: dist,
  bundle: true,
  write: false,
  minify: true,
  format: "iife",
  charset: "utf8",
  // h(…, children) takes less room than the call that TypeScript checks it as.
  jsx: "transform",
  jsxFactory: "h",
  jsxFragment: "Fragment",
  inject: [join(out, "src/jsx.ts")],
  tsconfigRaw: {},
  target: ["chrome109", "firefox115", "safari16.4"],
  preserveSymlinks: true,
  legalComments: "none",
  logLevel: "warning",
  define: { "process.env.NODE_ENV": '"production"' },
});
const [script, style] = outputFiles;

// Under a name with a digest of its bytes, so that a browser may keep it for ever.
function put(name, text) {
  const [stem, ending] = name.split(".");
  const named = `${stem}-${createHash("sha256").update(text).digest("hex").slice(0, 8)}.${ending}`;
  writeFileSync(join(dist, named), text);
  return `/console/${named}`;
}
// Once more by terser, which finds a twentieth that esbuild leaves.
const smaller = await minify(script.text, { ecma: 2020, toplevel: true, compress: { passes: 3, pure_getters: true, unsafe_arrows: true } });
writeFileSync(join(dist, "index.html"), readFileSync(join(source, "src/index.html"), "utf8")
  .replace("{{style}}", put("style.css", style.text))
  .replace("{{script}}", put("main.js", smaller.code))
  .replace("{{icon}}", put("icon.svg", readFileSync(join(source, "src/icon.svg"), "utf8"))));

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
