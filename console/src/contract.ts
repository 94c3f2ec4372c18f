// What the server says beside the routes of its description: the session and the overview.
// Times are RFC 3339 where a string, milliseconds since the epoch where a number.

export interface Session {
  signed_in: boolean;
  user?: string;
  read_only: boolean;
  hides_payloads: boolean;
  may_export: boolean;
  expires_at?: string;
  version: string;
}

export interface SignIn {
  token?: string;
  code?: string;
  read_only?: boolean;
  hides_payloads?: boolean;
}

export interface GroupSample {
  group: string;
  lag: number;
  lag_seconds: number;
  parked: number;
  breaker: "closed" | "open" | "half_open";
  state: string;
}

/** The mesh at a moment: rates are per second over `period`, latencies are seconds. */
export interface Sample {
  time: string;
  period: number;
  events: number;
  searches: number;
  requests: number;
  errors: number;
  search_p50: number | null;
  search_p99: number | null;
  publish_p99: number | null;
  lag: number;
  lag_seconds: number;
  parked: number;
  outbox: number;
  dead_letters: number;
  streams: number;
  groups: GroupSample[];
  topics: Record<string, number>;
  tasks: { running: number; changed: string };
}

export interface Attention {
  severity: "critical" | "warning";
  what: string;
  why: string;
  page: string;
  next: string;
}

export interface Engine {
  name: string;
  ok: boolean;
  warning: boolean;
  detail: string;
}

export const kSeries = [
  "events", "searches", "requests", "errors", "search_p50", "search_p99", "publish_p99", "lag",
  "dead_letters", "outbox",
] as const;
export type SeriesName = (typeof kSeries)[number];

export interface Overview {
  version: string;
  member: string;
  started_at: string;
  sample: Sample;
  history: { time: number[]; series: Record<SeriesName, (number | null)[]> };
  attention: Attention[];
  engines: Engine[];
}
