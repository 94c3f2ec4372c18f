// A trace as steps in time. Pure: places and times are left to whoever shows it.
import type { Schemas } from "./api.ts";
import type { Tone } from "./components/badge.tsx";
import { count, several } from "./format.ts";

export interface TraceStep {
  readonly title: string;
  readonly at: string | null;
  readonly seconds?: number;
  readonly tone: Tone;
  readonly detail?: string;
  /** The dead letter that it tells of, or the record. */
  readonly letter?: Schemas["LetterPlace"];
  readonly record?: { readonly topic: string; readonly partition: number; readonly offset: number };
}

export const kTraceTones: Record<Schemas["TraceStatus"], Tone> = { pending: "info", retrying: "warning", dead: "bad", done: "good" };

function texts(...all: (string | null | false | undefined)[]): string {
  return all.filter(Boolean).join(" · ");
}

function pipelineSteps(trace: Schemas["PipelineTrace"]): TraceStep[] {
  const { pipeline, state, history, attempts, effect, letter } = trace;
  const name = trace.serves ? pipeline : `${pipeline} (does not serve)`;
  const cause = trace.cause_class === null ? trace.cause ?? "" : `${trace.cause_class}: ${trace.cause ?? ""}`;
  const steps: TraceStep[] = history.map((each, index) => ({
    title: `${name}: attempt ${attempts - history.length + index + 1} failed`,
    at: new Date(Date.parse(each.ended) - each.micros / 1000).toISOString(),
    seconds: each.micros / 1e6,
    tone: "warning",
    detail: `${each.cause_class}: ${each.cause}`,
  }));
  if (letter) {
    steps.push({ title: `${name}: dead`, at: letter.died_at, tone: "bad", letter, detail: texts(history.length === 0 && cause, attempts > 0 && `after ${several(attempts, "attempt")}`) });
  } else if (state === "retrying") {
    steps.push({ title: `${name}: parked until its next attempt`, at: trace.next_attempt, tone: "warning",
      detail: texts(history.length === 0 && cause, trace.behind_its_key && "behind an earlier event of its key") });
  } else if (state === "pending") {
    steps.push({ title: `${name}: waits`, at: null, tone: "info",
      detail: texts(`${several(trace.behind, "event")} of its partition before it`, trace.behind_its_key && "behind an earlier event of its key that failed") });
  } else if (state === "dead") {
    steps.push({ title: `${name}: dead`, at: null, tone: "bad", detail: cause });
  } else if (!effect) {
    steps.push({ title: `${name}: done`, at: null, tone: "good" });
  }
  if (effect && (effect.reached || !letter)) {
    steps.push({
      title: effect.generation === null ? `${name}: ${effect.text}` : `${name}: ${effect.reached ? "searchable" : "not searchable yet"}`,
      at: effect.since,
      tone: effect.reached ? "good" : "plain",
      detail: effect.generation === null ? "" : texts(`generation ${effect.generation}`, effect.text, effect.reached && effect.since === null && "since when the index does not keep"),
    });
  }
  return steps;
}

export function traceSteps(trace: Schemas["Trace"]): TraceStep[] {
  const { accepted, outbox, log } = trace;
  return [
    { title: "Accepted", at: accepted.at, tone: "good", detail: texts(accepted.by && `by ${accepted.by}`, accepted.request_id && `request ${accepted.request_id}`, accepted.trace_id && `trace ${accepted.trace_id}`) },
    ...trace.redriven_from.map((letter): TraceStep => ({ title: "Came back from a dead letter", at: letter.died_at, tone: "warning", letter })),
    ...(outbox ? [{ title: "Waits in the outbox", at: null, tone: "warning", detail: `${count(outbox.ahead)} ahead of it` } as const] : []),
    ...(log ? [{ title: "In the log", at: log.time, tone: "good", record: log } as const] : []),
    ...trace.pipelines.flatMap(pipelineSteps),
  ];
}
