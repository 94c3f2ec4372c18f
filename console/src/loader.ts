// The rules by which a resource is loaded; time and the place of its state are given. Pure.

export interface Clock {
  /** Milliseconds that only rise. */
  now(): number;
  /** Runs once after `wait` milliseconds; the answer calls it off. */
  after(wait: number, run: () => void): () => void;
}

export interface Loaded<T> {
  readonly key: string | null;
  readonly data: T | undefined;
  readonly error: unknown;
  readonly loading: boolean;
}

/** Between the starts of two loads that nobody asked for. */
export const kLeastGap = 2_000;

export function sameSubject(one: string | null, other: string | null): boolean {
  return one !== null && other !== null && one.split("?", 1)[0] === other.split("?", 1)[0];
}

export class Loader<T> {
  load: (signal: AbortSignal) => Promise<T> = () => Promise.reject(new Error("nothing to load"));
  #state: Loaded<T> = { key: null, data: undefined, error: undefined, loading: false };
  #running: AbortController | undefined;
  #started = -Infinity;
  #again = false;
  #callOff: (() => void) | undefined;

  constructor(private readonly clock: Clock, private readonly show: (state: Loaded<T>) => void) {}

  /** Loads what `key` names, at once; what was being loaded for another is given up. */
  open(key: string | null): void {
    this.#giveUp();
    const data = sameSubject(this.#state.key, key) ? this.#state.data : undefined;
    this.#set({ key, data, error: undefined, loading: false });
    if (key !== null) this.#start();
  }

  /** What is shown has changed at the server: loads it, but not sooner than `kLeastGap` after the last. */
  touch(): void {
    if (this.#state.key === null) return;
    if (this.#running) {
      this.#again = true;
      return;
    }
    if (this.#callOff) return;
    const rest = this.#started + kLeastGap - this.clock.now();
    if (rest <= 0) {
      this.#start();
    } else {
      this.#callOff = this.clock.after(rest, () => {
        this.#callOff = undefined;
        this.#start();
      });
    }
  }

  /** Somebody asked for it: loads at once. */
  reload(): void {
    if (this.#state.key === null) return;
    this.#giveUp();
    this.#start();
  }

  close(): void {
    this.#giveUp();
  }

  #set(state: Loaded<T>): void {
    this.#state = state;
    this.show(state);
  }

  #giveUp(): void {
    this.#running?.abort();
    this.#running = undefined;
    this.#callOff?.();
    this.#callOff = undefined;
    this.#again = false;
  }

  #start(): void {
    const running = new AbortController();
    this.#running = running;
    this.#started = this.clock.now();
    this.#set({ ...this.#state, loading: true });
    this.load(running.signal).then(
      (data) => this.#end(running, { data, error: undefined }),
      (error: unknown) => this.#end(running, { data: this.#state.data, error }),
    );
  }

  #end(running: AbortController, got: { data: T | undefined; error: unknown }): void {
    // An answer that came although it was given up belongs to another key.
    if (this.#running !== running) return;
    this.#running = undefined;
    this.#set({ key: this.#state.key, ...got, loading: false });
    if (this.#again) {
      this.#again = false;
      this.touch();
    }
  }
}
