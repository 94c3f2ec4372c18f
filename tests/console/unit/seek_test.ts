import assert from "node:assert/strict";
import { test } from "node:test";
import { boundOf, touched, touchedText } from "console/pages/seek.ts";

test("bounds are those of the API", () => {
  assert.equal(boundOf("start", "x", null), "start");
  assert.equal(boundOf("offset", "17", null), "17");
  assert.equal(boundOf("offset", "-1", null), null);
  assert.equal(boundOf("ago", "1h30m", null), "@-1h30m");
  for (const wrong of ["", "h", "1x", "30m1h"]) assert.equal(boundOf("ago", wrong, null), null);
  assert.equal(boundOf("time", "", Date.UTC(2026, 10, 30, 10)), "@2026-11-30T10:00:00Z");
  assert.equal(boundOf("time", "", null), null);
});

test("a move says what is read again and what is left out", () => {
  const move = (from: number, to: number) => ({ topic: "t", partition: 0, from, to });
  assert.equal(touchedText(touched([move(5, 5)])), "It stands there already.");
  assert.equal(touchedText(touched([move(5, 4)])), "At most 1 event are read again.".replace("are", "is"));
  assert.equal(touchedText(touched([move(1500, 0), move(0, 3)])), "At most 1,500 events are read again, and at most 3 events are left out: it never processes those.");
});
