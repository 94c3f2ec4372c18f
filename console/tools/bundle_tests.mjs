// Bundles each test for node: `node bundle_tests.mjs OUT TESTS TO`.
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const [out, tests, to] = process.argv.slice(2);
const esbuild = createRequire(join(out, "package.json"))("esbuild");
await esbuild.build({
  entryPoints: readdirSync(tests)
    .filter((name) => name.endsWith("_test.ts") || name.endsWith("_test.tsx"))
    .map((name) => resolve(tests, name)),
  outdir: to,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  platform: "node",
  format: "esm",
  jsx: "automatic",
  jsxImportSource: "preact",
  // Tests import `console/…`; what these import comes from the packages of the build folder.
  alias: { console: join(out, "src") },
  nodePaths: [join(out, "node_modules")],
  preserveSymlinks: true,
  logLevel: "warning",
});
