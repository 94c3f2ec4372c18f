import assert from "node:assert/strict";
import { test } from "node:test";
import { age, bytes, count, duration, kNothing, percent, rate, several, shortCount, tickTime } from "console/format.ts";

function each(form: (value: number) => string, cases: readonly (readonly [number, string])[]): void {
  for (const [value, text] of cases) assert.equal(form(value), text, `of ${value}`);
}

test("counts have their thousands", () => {
  each(count, [[0, "0"], [999, "999"], [1000, "1,000"], [1234567, "1,234,567"], [-1234, "-1,234"]]);
  each(shortCount, [[0, "0"], [0.5, "0.5"], [1.5, "1.5"], [42, "42"], [999, "999"], [999.6, "1k"], [1234, "1.2k"], [12_345, "12.3k"], [999_999, "1M"], [4_600_000, "4.6M"], [-1500, "-1.5k"]]);
});

test("rates are those of the CLI", () => {
  each(rate, [[0, "0"], [0.05, "<0.1"], [8.26, "8.3"], [9.96, "10"], [1234.4, "1,234"]]);
});

test("sizes do not round up to 1024", () => {
  each(bytes, [[0, "0 B"], [1023, "1023 B"], [1024, "1.0 KiB"], [1024 * 1023.96, "1.0 MiB"], [1.5 * 2 ** 30, "1.5 GiB"]]);
});

test("durations have at most two units", () => {
  each(duration, [[0, "0s"], [0.00005, "<0.1ms"], [0.0004, "0.4ms"], [0.25, "250ms"], [0.9996, "1s"], [2.5, "2.5s"], [45, "45s"], [90, "1m30s"], [3600, "1h"], [190_800, "2d5h"]]);
});

test("an age leaves out what is small beside it", () => {
  each(age, [[0, "0s"], [45, "45s"], [192, "3m12s"], [1_510, "25m"], [190_800, "2d5h"], [2_600_000, "30d"], [-300, "in 5m"]]);
});

test("100% is the end", () => {
  each(percent, [[0.999, "99%"], [1, "100%"], [2, "100%"], [-1, "0%"]]);
});

test("what is not known is a dash", () => {
  for (const form of [count, shortCount, rate, bytes, duration, age, percent]) {
    assert.equal(form(null), kNothing);
    assert.equal(form(Number.NaN), kNothing);
  }
});

test("one is one", () => {
  assert.equal(several(1, "letter"), "1 letter");
  assert.equal(several(1200, "letter"), "1,200 letters");
});

test("times below a plot differ, whatever is between them", () => {
  const from = Date.UTC(2026, 10, 30, 23, 58);
  for (const step of [1, 30, 60, 900, 3600, 43_200, 604_800]) {
    const times = Array.from({ length: 8 }, (_, index) => new Date(from + index * step * 1000).toISOString()).map((each) => tickTime(each.replace("T", " "), step));
    assert.equal(new Set(times).size, times.length, times.join(", "));
  }
  assert.deepEqual([5, 60, 86_400].map((step) => tickTime("2026-11-30 22:48:11", step)), ["22:48:11", "22:48", "11-30 22:48"]);
});
