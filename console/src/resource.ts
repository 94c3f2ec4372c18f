// What a view shows of the server, loaded anew when the live stream says that it changed.
//
//   const tasks = useResource(`tasks?${tenant}`, (signal) => get("/admin/v1/tasks", { query: { tenant }, signal }),
//                             (sample) => sample.tasks.changed);
//
// The key names what is loaded. Its part before "?" is the subject: while the rest changes (filters,
// pages), what is shown stays until the new arrives; of another subject nothing is ever shown.
import { effect, signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Sample } from "./contract.ts";
import { returns, sample } from "./live.ts";
import { Loader, type Loaded, sameSubject } from "./loader.ts";
import { type Problem, asProblem } from "./problem.ts";

export interface Resource<T> {
  readonly data: T | undefined;
  /** With data: what is shown is older than it should be, and this is why. */
  readonly problem: Problem | undefined;
  readonly loading: boolean;
  readonly reload: () => void;
}

/** A null key loads nothing. `depends` names what of a sample the data hangs on; undefined: nothing any more. */
export function useResource<T>(
  key: string | null,
  load: (signal: AbortSignal) => Promise<T>,
  depends?: (sample: Sample) => unknown,
): Resource<T> {
  const held = useRef<{ loader: Loader<T>; state: { value: Loaded<T> } } | null>(null);
  if (held.current === null) {
    const state = signal<Loaded<T>>({ key: null, data: undefined, error: undefined, loading: false });
    const loader = new Loader<T>(
      { now: () => performance.now(), after: (wait, run) => { const timer = setTimeout(run, wait); return () => clearTimeout(timer); } },
      (now) => (state.value = now),
    );
    held.current = { loader, state };
  }
  const { loader, state } = held.current;
  loader.load = load;
  const dependsNow = useRef(depends);
  dependsNow.current = depends;

  useEffect(() => loader.open(key), [key]);
  useEffect(() => {
    let last: string | undefined;
    let back = returns.peek();
    const stop = effect(() => {
      const now = sample.value;
      const returned = returns.value;
      const text = now && dependsNow.current ? JSON.stringify(dependsNow.current(now)) : undefined;
      const changed = last !== undefined && text !== undefined && text !== last;
      last = text ?? last;
      if (changed || returned !== back) loader.touch();
      back = returned;
    });
    return () => {
      stop();
      loader.close();
    };
  }, []);

  const shown = state.value;
  const ours = key !== null && sameSubject(shown.key, key);
  return {
    data: ours ? shown.data : undefined,
    problem: ours && shown.error !== undefined ? asProblem(shown.error) : undefined,
    loading: key !== null && (!ours || shown.loading),
    reload: () => loader.reload(),
  };
}
