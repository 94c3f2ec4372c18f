import assert from "node:assert/strict";
import { test } from "node:test";
import { matches, settingsOf } from "console/settings.ts";

test("settings have their whole names; what is empty is said to be", () => {
  assert.deepEqual(settingsOf({ data_dir: "/d", http: { workers: 0, hosts: [], tls: { cert: null } }, roles: ["a", "b"], on: false, none: {} }), [
    { name: "data_dir", value: "/d", empty: false },
    { name: "http.workers", value: "0", empty: false },
    { name: "http.hosts", value: "", empty: true },
    { name: "http.tls.cert", value: "", empty: true },
    { name: "roles", value: "a, b", empty: false },
    { name: "on", value: "false", empty: false },
    { name: "none", value: "", empty: true },
  ]);
});

test("all words are looked for, in names and values", () => {
  const setting = { name: "log.retention.activity.age", value: "7d", empty: false };
  assert.ok(["", "LOG age", "7d log", "retention.activity"].every((filter) => matches(setting, filter)));
  assert.ok(!matches(setting, "log 8d"));
});
