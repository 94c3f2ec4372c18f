import assert from "node:assert/strict";
import { test } from "node:test";
import { Loader, type Loaded } from "console/loader.ts";

/** A loader whose time and answers the test gives. */
class Bench {
  time = 100_000;
  timers: { at: number; run: () => void }[] = [];
  loads: { signal: AbortSignal; answer: (value: string) => void; fail: (error: unknown) => void }[] = [];
  state!: Loaded<string>;
  readonly loader = new Loader<string>(
    {
      now: () => this.time,
      after: (wait, run) => {
        const timer = { at: this.time + wait, run };
        this.timers.push(timer);
        return () => void this.timers.splice(this.timers.indexOf(timer), 1);
      },
    },
    (state) => (this.state = state),
  );

  constructor() {
    this.loader.load = (signal) => new Promise((answer, fail) => this.loads.push({ signal, answer, fail }));
  }
  async answer(index: number, value: string): Promise<void> {
    this.loads[index]!.answer(value);
    await new Promise(setImmediate);
  }
  pass(milliseconds: number): void {
    this.time += milliseconds;
    const due = this.timers.filter(({ at }) => at <= this.time);
    this.timers = this.timers.filter(({ at }) => at > this.time);
    for (const { run } of due) run();
  }
}

test("it loads when opened", async () => {
  const bench = new Bench();
  bench.loader.open("tasks");
  assert.equal(bench.state.loading, true);
  await bench.answer(0, "one");
  assert.deepEqual(bench.state, { key: "tasks", data: "one", error: undefined, loading: false });
});

test("changes load at most every two seconds, and the last one always", async () => {
  const bench = new Bench();
  bench.loader.open("tasks");
  await bench.answer(0, "one");
  for (let i = 0; i < 5; ++i) bench.loader.touch();
  bench.pass(1_999);
  assert.equal(bench.loads.length, 1);
  bench.pass(1);
  assert.equal(bench.loads.length, 2);
});

test("a change while it loads loads once more afterwards", async () => {
  const bench = new Bench();
  bench.loader.open("tasks");
  bench.loader.touch();
  bench.pass(5_000);
  assert.equal(bench.loads.length, 1);
  await bench.answer(0, "old");
  assert.equal(bench.loads.length, 2);
});

test("what is shown stays while it loads again, and where that fails", async () => {
  const bench = new Bench();
  bench.loader.open("tasks");
  await bench.answer(0, "one");
  bench.loader.reload();
  assert.equal(bench.state.data, "one");
  bench.loads[1]!.fail(new Error("down"));
  await new Promise(setImmediate);
  assert.equal(bench.state.data, "one");
  assert.match(String(bench.state.error), /down/);
});

test("other filters keep what is shown, another subject does not", async () => {
  const bench = new Bench();
  bench.loader.open("tasks?a");
  await bench.answer(0, "one");
  bench.loader.open("tasks?b");
  assert.equal(bench.state.data, "one");
  bench.loader.open("task 7");
  assert.equal(bench.state.data, undefined);
});

test("an answer that comes too late is not shown", async () => {
  const bench = new Bench();
  bench.loader.open("tasks?a");
  bench.loader.open("tasks?b");
  assert.equal(bench.loads[0]!.signal.aborted, true);
  await bench.answer(1, "b");
  await bench.answer(0, "a");
  assert.equal(bench.state.data, "b");
});

test("closed it loads no more", async () => {
  const bench = new Bench();
  bench.loader.open("tasks");
  await bench.answer(0, "one");
  bench.loader.touch();
  bench.loader.close();
  bench.pass(10_000);
  assert.equal(bench.loads.length, 1);
});
