// Where a group is to be moved, and what that does. Pure.
import type { Schemas } from "../api.ts";
import { several } from "../format.ts";

export type Move = Schemas["Move"];
export type SeekKind = "start" | "end" | "offset" | "ago" | "time";

/** As the API and `mesh groups seek --to` take it; null where it is not (yet) one. `time` is in milliseconds. */
export function boundOf(kind: SeekKind, typed: string, time: number | null): string | null {
  if (kind === "start" || kind === "end") return kind;
  if (kind === "offset") return /^\d{1,18}$/.test(typed) ? typed : null;
  if (kind === "ago") return /^(?=\d)(\d{1,2}w)?(\d{1,3}d)?(\d{1,4}h)?(\d{1,5}m)?(\d{1,6}s)?$/.test(typed) ? `@-${typed}` : null;
  return time === null ? null : `@${new Date(time).toISOString().replace(".000Z", "Z")}`;
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
