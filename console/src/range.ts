// A range of time as it stands in the URL: "1h" (until now), or two times with ".." between them,
// of which the second may be left out. Pure.

export type Range =
  | { readonly kind: "last"; readonly text: string; readonly seconds: number }
  | { readonly kind: "between"; readonly from: number; readonly to: number | null };

const kUnits: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };

/** "90s", "1h30m", "7d" in seconds; null for anything else. */
export function parseSpan(text: string): number | null {
  if (!/^(\d{1,6}[smhdw])+$/.test(text)) return null;
  let seconds = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+)([smhdw])/g)) {
    seconds += Number(amount) * (kUnits[unit ?? ""] ?? NaN);
  }
  return seconds > 0 && seconds <= 3650 * 86_400 ? seconds : null;
}

function parseTime(text: string): number | null {
  // Without an offset it is UTC: an address must mean the same everywhere.
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?$/.test(text)) return null;
  const full = text.includes("T") && !/(Z|[+-]\d\d:\d\d)$/.test(text) ? `${text}Z` : text;
  const time = Date.parse(full);
  return Number.isFinite(time) ? time : null;
}

export function parseRange(text: string | undefined): Range | null {
  if (!text) return null;
  const seconds = parseSpan(text);
  if (seconds !== null) return { kind: "last", text, seconds };
  const parts = text.split("..");
  if (parts.length !== 2) return null;
  const from = parseTime(parts[0] ?? "");
  const to = parts[1] === "" ? null : parseTime(parts[1] ?? "");
  if (from === null || (to === null && parts[1] !== "") || (to !== null && to < from)) return null;
  return { kind: "between", from, to };
}

export function rangeText(range: Range): string {
  if (range.kind === "last") return range.text;
  const time = (at: number | null) => (at === null ? "" : new Date(at).toISOString().replace(".000Z", "Z"));
  return `${time(range.from)}..${time(range.to)}`;
}

/** Milliseconds since the epoch; `to` null: until now, and on. */
export function bounds(range: Range, now: number): { from: number; to: number | null } {
  if (range.kind === "last") return { from: now - range.seconds * 1000, to: null };
  return { from: range.from, to: range.to };
}
