import assert from "node:assert/strict";
import { test } from "node:test";
import { type Setting, fromOf, isChanged, matches, textOf } from "console/settings.ts";

const kSetting: Setting = { key: "log.retention.activity.age", value: "7d", default: "7d", origin: "default", where: null, variables: [], description: "Oldest event kept.", reload: false, pending: null };

test("values are texts; what is not set is none", () => {
  assert.deepEqual(["/d", 0, false, ["a", "b"], { rate: 5, per: "1s" }].map(textOf), ["/d", "0", "false", "a, b", "rate 5, per 1s"]);
  assert.deepEqual([null, [], {}].map(textOf), ["", "", ""]);
});

test("where a value comes from is its place and the variables there", () => {
  assert.equal(fromOf(kSetting), "default");
  assert.equal(fromOf({ ...kSetting, origin: "flag", where: "--data-dir" }), "--data-dir");
  assert.equal(fromOf({ ...kSetting, origin: "environment", where: "/etc/m.yaml:3", variables: [{ name: "AGE", set: true }, { name: "UNIT", set: false }] }), "m.yaml:3 ${AGE} ${UNIT} (not set)");
});

test("changed is what is not left to the default, now or from the next start on", () => {
  assert.ok(!isChanged(kSetting));
  assert.ok(isChanged({ ...kSetting, origin: "file", where: "/m.yaml:3" }));
  assert.ok(isChanged({ ...kSetting, pending: { value: "8d", where: "/m.yaml:3" } }));
});

test("all words are looked for, in keys and values", () => {
  assert.ok(["", "LOG age", "7d log", "retention.activity"].every((filter) => matches(kSetting, filter)));
  assert.ok(!matches(kSetting, "log 8d"));
});
