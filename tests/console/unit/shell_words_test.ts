import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { commandLine } from "console/shell_words.ts";

test("plain words stand as they are", () => {
  assert.equal(commandLine(["mesh", "events", "get", "user.events/3:17"]), "mesh events get user.events/3:17");
});

test("a shell reads back the words", () => {
  const words = ["", "a b", "it's", "$(rm -rf /)", "`id`", "a\nb", "\\", "\"", "*", "~", "!x", "ü", "-n", "a'b'c"];
  const said = execFileSync("sh", ["-c", `printf '%s\\0' ${commandLine(words)}`], { encoding: "utf8" });
  assert.deepEqual(said.split("\0").slice(0, -1), words);
});
