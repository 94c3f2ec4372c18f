// A picture of the console's overview: picture.mjs BUILD FOLDER [--minutes N] [--dist FOLDER] [FILE].
import fs from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Browsers } from "./browser.mjs";
import { load, work } from "./load.mjs";
import { Mesh } from "./mesh.mjs";

const { values, positionals: [build, folder, file = "docs/console.png"] } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: "string", default: "3" }, dist: { type: "string" } },
});
const kForThePicture = 20_000;
const mesh = new Mesh(path.join(build, "bin"));
let browsers;
try {
  await mesh.start();
  await load(mesh, { hostile: false });
  // It goes on while the picture is taken: what stands still looks like a fault.
  const time = Number(values.minutes) * 60_000;
  const working = work(mesh, time + kForThePicture);
  await sleep(time);
  fs.mkdirSync(path.dirname(path.resolve(file)), { recursive: true });
  browsers = await Browsers.start({ mesh, folder, shots: folder, dist: values.dist && path.resolve(values.dist) });
  const { tools: { signedIn }, end } = browsers.check("picture");
  const page = await signedIn({ at: "#/overview" });
  await page.getByRole("banner").getByText("Live").waitFor();
  await page.screenshot({ path: file, animations: "disabled" });
  await end();
  await working;
  console.log(`${file}: ${fs.statSync(file).size} bytes`);
} finally {
  await browsers?.close();
  await mesh.stop();
  mesh.forget();
}
