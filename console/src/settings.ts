// What the mesh runs with, key by key: as text, and where it comes from. Pure.
import type { Schemas } from "./api.ts";

export type Setting = Schemas["Setting"];

/** "a, b" of lists, "rate 5, per 1s" of what has members, nothing of what is not set. */
export function textOf(value: unknown): string {
  if (typeof value !== "object") return String(value);
  return Object.entries(value ?? {}).map(([name, each]) => (Array.isArray(value) ? "" : `${name} `) + textOf(each)).join(", ");
}

/** "meshd.yaml:12 ${BODY}"; which file of the name is in `where`. */
export function fromOf({ where, variables }: Setting): string {
  return [where?.replace(/.*\//, "") ?? "default", ...variables.map(({ name, set }) => `\${${name}}${set ? "" : " (not set)"}`)].join(" ");
}

/** Not left to the default, now or from the next start on. */
export const isChanged = ({ where, pending }: Setting): boolean => (where ?? pending) !== null;

/** All words of the filter are in the key or the value. */
export function matches({ key, value }: Setting, filter: string): boolean {
  const text = `${key} ${textOf(value)}`.toLowerCase();
  return filter.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}
