#!/usr/bin/env node
// Makes OUT/assets.cpp of the console: each file of OUT/dist, compressed, as daemon/console/assets.h has it.
//
//   embed.mjs OUT
//
// Where the packages that the console is made of cannot be fetched it says so, and meshd is built without: a console is
// no reason to have no meshd.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const media = {
  ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

const out = process.argv[2];
if (!out) { console.error("usage: embed OUT"); process.exit(2); }
mkdirSync(out, { recursive: true });
const missing = join(out, "missing"), target = join(out, "assets.cpp");
rmSync(missing, { force: true });
try {
  execFileSync(join(here, "build"), [out], { stdio: ["ignore", "inherit", "inherit"] });
} catch (error) {
  if (error.status !== 3) process.exit(1);
  writeFileSync(missing, "the console's packages cannot be fetched from npm's registry\n");
  copyFileSync(join(here, "../daemon/console/no_assets.cpp"), target);
  process.exit(0);
}

const quoted = bytes => "\"" + [...bytes].map(byte => "\\" + byte.toString(8).padStart(3, "0")).join("") + "\"";
let total = 0;
const rows = readdirSync(join(out, "dist")).sort().map(name => {
  const type = media[extname(name)];
  if (!type) throw new Error(`${name}: no media type is known for it`);
  const bytes = readFileSync(join(out, "dist", name));
  const gzip = gzipSync(bytes, { level: 9 });
  total += gzip.length;
  const tag = createHash("sha256").update(gzip).digest("hex").slice(0, 16);
  return `    {"${name}", "${type}", "\\"${tag}\\"",\n     std::string_view(${quoted(gzip)}, ${gzip.length})},\n`;
});
writeFileSync(target, `#include "daemon/console/assets.h"

namespace mesh::console {
namespace {
constexpr Asset kAssets[] = {
${rows.join("")}};
}  // namespace

std::span<const Asset> assets() { return kAssets; }

}  // namespace mesh::console
`);
console.log(`the console: ${rows.length} files, ${total} bytes compressed`);
