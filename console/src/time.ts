// Times as one reads them: in UTC or of the place one is at, and how long ago.
import { effect, signal } from "@preact/signals";
import { age } from "./format.ts";
import { moving } from "./live.ts";
import { keep, kept } from "./store.ts";

export type Zone = "utc" | "local";
export const zone = signal<Zone>(kept("zone") === "local" ? "local" : "utc");

export function toggleZone(): void {
  zone.value = zone.value === "utc" ? "local" : "utc";
  keep("zone", zone.value);
}

/** Milliseconds since the epoch; moves every few seconds while the page does. */
export const now = signal(Date.now());
effect(() => {
  if (!moving.value) return;
  now.value = Date.now();
  const timer = setInterval(() => (now.value = Date.now()), 5_000);
  return () => clearInterval(timer);
});

export function milliseconds(at: string | number | null | undefined): number | null {
  if (at === null || at === undefined) return null;
  const time = typeof at === "number" ? at : Date.parse(at);
  return Number.isFinite(time) ? time : null;
}

/** What the zone that is shown is behind UTC at that time, in milliseconds. */
export function zoneShift(at: number): number {
  return zone.value === "local" ? new Date(at).getTimezoneOffset() * 60_000 : 0;
}

/** "2026-11-30 22:48:11", with `precise` also milliseconds. */
export function absolute(at: string | number | null | undefined, precise = false): string {
  const time = milliseconds(at);
  if (time === null) return "–";
  const text = new Date(time - zoneShift(time)).toISOString().replace("T", " ").replace("Z", "");
  return precise ? text : text.replace(/\.\d+$/, "");
}

/** The server's sentence with its times, which are in UTC, as `absolute` has them. */
export function withTimes(text: string): string {
  return text.replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z\b/g, (at) => absolute(at));
}

/** "3m12s ago", "in 5m" */
export function relative(at: string | number | null | undefined): string {
  const time = milliseconds(at);
  if (time === null) return "–";
  const seconds = (now.value - time) / 1000;
  // Clocks differ a little: what is just done is not "in 1s".
  if (seconds > -5 && seconds < 1) return "now";
  return seconds < 0 ? age(seconds) : `${age(seconds)} ago`;
}

/** What the server takes: RFC 3339 in UTC. */
export function rfc3339(at: number): string {
  return new Date(at).toISOString();
}
