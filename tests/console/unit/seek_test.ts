import assert from "node:assert/strict";
import { test } from "node:test";
import { isBound, touched, touchedText } from "console/pages/seek.ts";

test("bounds look like those of the API", () => {
  for (const right of ["start", "end", "17", "@-1h30m", "@2026-11-30T10:00:00Z", "@2026-11-30T10:00:00.5+01:00"]) assert.ok(isBound(right), right);
  for (const wrong of ["", "-1", "1h", "@-", "@-1", "@2026-11-30", " start"]) assert.ok(!isBound(wrong), wrong);
});

test("a move says what is read again and what is left out", () => {
  const move = (from: number, to: number) => ({ topic: "t", partition: 0, from, to });
  assert.equal(touchedText(touched([move(5, 5)])), "It stands there already.");
  assert.equal(touchedText(touched([move(5, 4)])), "At most 1 event is read again.");
  assert.equal(touchedText(touched([move(1500, 0), move(0, 3)])), "At most 1,500 events are read again, and at most 3 events are left out: it never processes those.");
});
