import assert from "node:assert/strict";
import { test } from "node:test";
import { tickTime } from "console/time.ts";

test("times below a plot differ, whatever is between them", () => {
  const from = Date.UTC(2026, 10, 30, 23, 58);
  for (const step of [1, 30, 60, 900, 3600, 43_200, 604_800]) {
    const times = Array.from({ length: 8 }, (_, index) => tickTime(from + index * step * 1000, step));
    assert.equal(new Set(times).size, times.length, times.join(", "));
  }
});

test("they are no longer than that takes", () => {
  const at = Date.UTC(2026, 10, 30, 22, 48, 11);
  assert.deepEqual([5, 60, 86_400].map((step) => tickTime(at, step)), ["22:48:11", "22:48", "11-30 22:48"]);
});
