// Where a group is to be moved, and what that does. Pure.
import type { Schemas } from "../api.ts";
import { several } from "../format.ts";

export type Move = Schemas["Move"];

/** Whether it looks like what `--to` takes; the server knows exactly, and says what is wrong. */
export function isBound(text: string): boolean {
  return /^(start|end|\d+|@-.*[wdhms]|@\d.{18,})$/.test(text);
}

export interface Touched {
  readonly again: number;
  readonly leftOut: number;
}

/** Offsets that a move goes over: at most so many events, since some may have been compacted away. */
export function touched(moves: readonly Move[]): Touched {
  let again = 0;
  let leftOut = 0;
  for (const { from, to } of moves) {
    again += Math.max(from - to, 0);
    leftOut += Math.max(to - from, 0);
  }
  return { again, leftOut };
}

export function touchedText({ again, leftOut }: Touched): string {
  if (again === 0 && leftOut === 0) return "It stands there already.";
  const events = (amount: number) => `most ${several(amount, "event is", "events are")}`;
  const parts: string[] = [];
  if (again > 0) parts.push(`At ${events(again)} read again`);
  if (leftOut > 0) parts.push(`${again > 0 ? "and at" : "At"} ${events(leftOut)} left out: it never processes ${leftOut === 1 ? "that" : "those"}`);
  return `${parts.join(", ")}.`;
}
