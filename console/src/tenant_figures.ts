// What is said of a tenant in figures: policies of rate limits in the form that `mesh` takes, quotas,
// use over time, and what a purge found. Pure.
import { bytes, count, shortCount } from "./format.ts";

export const kTenantId = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

export interface Policy {
  readonly rate: number;
  readonly per: string;
  readonly burst: number;
}

/** "30/1m+10" */
export function policyText(policy: Policy | null): string {
  return policy ? `${policy.rate}/${policy.per}+${policy.burst}` : "no limit";
}

const kMost = 1_000_000_000;

/** RATE/PER[+BURST]; without a burst those of one period may come at once. null: not such a text. */
export function parsePolicy(text: string): { rate: number; per: string; burst?: number } | null {
  const found = /^\s*(\d{1,10})\s*\/\s*((?:\d{1,8}(?:ms|[smhdw]))+)\s*(?:\+\s*(\d{1,10}))?\s*$/.exec(text.replaceAll(",", ""));
  if (!found) return null;
  const [rate, per, burst] = [Number(found[1]), found[2] ?? "", found[3]];
  if (rate < 1 || rate > kMost || Number(burst ?? 0) > kMost || !/[1-9]/.test(per)) return null;
  return burst === undefined ? { rate, per } : { rate, per, burst: Number(burst) };
}

const kWithoutPolicy: Policy = { rate: 10, per: "1s", burst: 10 };

/** A tenth of what was allowed: what is offered first to who throttles. */
export function throttled(policy: Policy | null): Policy {
  if (!policy) return kWithoutPolicy;
  return { rate: Math.max(Math.floor(policy.rate / 10), 1), per: policy.per, burst: Math.floor(policy.burst / 10) };
}

export const kQuotas = {
  events_per_day: "Events a day",
  bytes_per_day: "Bytes a day",
  stored_users: "Stored users",
  embedding_tokens_per_month: "Embedding tokens a month",
  chat_tokens_per_day: "Chat tokens a day",
} as const;
export type Quota = keyof typeof kQuotas;

export function quotaText(quota: Quota, amount: number): string {
  return quota === "bytes_per_day" ? bytes(amount) : count(amount);
}

/** A whole number, also "1,000"; null for what is none; undefined where nothing stands. */
export function parseAmount(text: string): number | null | undefined {
  const plain = text.replaceAll(/[\s,]/g, "");
  if (plain === "") return undefined;
  const amount = Number(plain);
  return /^\d+$/.test(plain) && Number.isSafeInteger(amount) ? amount : null;
}

/** How worrying a share of a bound is. */
export function toneOf(share: number): "good" | "warning" | "bad" {
  return share >= 1 ? "bad" : share >= 0.8 ? "warning" : "good";
}

export const kKinds = {
  events: { title: "Events", figure: count, tick: shortCount, flows: true },
  bytes: { title: "Bytes taken", figure: bytes, tick: bytes, flows: true },
  searches: { title: "Searches", figure: count, tick: shortCount, flows: true },
  embedding_tokens: { title: "Embedding tokens", figure: count, tick: shortCount, flows: true },
  chat_tokens: { title: "Chat tokens", figure: count, tick: shortCount, flows: true },
  chat_cost: { title: "Cost of chat", figure: cost, tick: cost, flows: true },
  stored_users: { title: "Stored users", figure: count, tick: shortCount, flows: false },
  stored_bytes: { title: "Stored bytes", figure: bytes, tick: bytes, flows: false },
} as const;
export type Kind = keyof typeof kKinds;
export const kKindNames = Object.keys(kKinds) as Kind[];

/** Of millionths. */
function cost(value: number | null | undefined): string {
  return typeof value === "number" ? (value / 1_000_000).toFixed(2) : count(value);
}

export type Step = "minute" | "hour" | "day";
const kSteps: Readonly<Record<Step, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

/** What one point stands for, where nobody said: as many as can be told apart, of those that are kept. */
export function stepFor(from: number, to: number, now: number): Step {
  const length = to - from;
  if (length <= 6 * kSteps.hour && now - from <= 2 * kSteps.day) return "minute";
  return length <= 7 * kSteps.day && now - from <= 90 * kSteps.day ? "hour" : "day";
}

export type UsageRow = { readonly start: string } & Readonly<Record<Kind, number>>;
const kMostPoints = 5_000;

/** One value for each minute, hour or day: none was used where there is no row, but what is stored is not known then. */
export function overTime(rows: readonly UsageRow[], since: string, until: string, step: Step): { time: number[]; values: Record<Kind, (number | null)[]> } {
  const there = new Map(rows.map((row) => [Date.parse(row.start), row]));
  const from = Date.parse(since);
  const to = Date.parse(until);
  const points = Math.ceil((to - from) / kSteps[step]);
  const time = points > 0 && points <= kMostPoints
    ? Array.from({ length: points }, (_, index) => from + index * kSteps[step])
    : [...there.keys()].sort((one, other) => one - other);
  const values = {} as Record<Kind, (number | null)[]>;
  for (const kind of kKindNames) values[kind] = time.map((at) => there.get(at)?.[kind] ?? (kKinds[kind].flows ? 0 : null));
  return { time, values };
}

/** All of it together; of what is stored, the most. */
export function summed(rows: readonly UsageRow[], kind: Kind): number {
  return rows.reduce((all, row) => (kKinds[kind].flows ? all + row[kind] : Math.max(all, row[kind])), 0);
}

export interface PurgePart {
  readonly place: string;
  readonly count: number;
  readonly erased: number;
  readonly remains: string;
}

/** The parts of a purge's result, places with something first; empty where it has none yet. */
export function purgeParts(result: unknown): PurgePart[] {
  const parts = (result as { parts?: unknown } | null)?.parts;
  if (!Array.isArray(parts)) return [];
  return parts
    .filter((each): each is PurgePart => typeof each?.place === "string" && typeof each.count === "number")
    .map((each, index) => ({ each, index }))
    .sort((one, other) => Number(other.each.count > 0) - Number(one.each.count > 0) || one.index - other.index)
    .map(({ each }) => each);
}

/** What goes and what stays of it. */
export function purgeSums(parts: readonly PurgePart[]): { goes: number; stays: number } {
  const sum = (some: readonly PurgePart[]) => some.reduce((all, each) => all + each.count, 0);
  return { goes: sum(parts.filter(({ remains }) => !remains)), stays: sum(parts.filter(({ remains }) => remains)) };
}
