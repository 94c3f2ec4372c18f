// Steps in time: when each began after the first, and how long it took.
import type { ComponentChildren } from "preact";
import { duration } from "../format.ts";
import type { Tone } from "./badge.tsx";
import { Time } from "./time.tsx";

export interface Step {
  readonly title: ComponentChildren;
  readonly at: number | null;  // milliseconds since the epoch
  readonly seconds?: number | null | undefined;
  readonly tone?: Tone | undefined;
  readonly detail?: ComponentChildren;
}

export function Timeline({ label, steps }: { label: string; steps: readonly Step[] }) {
  const times = steps.flatMap(({ at, seconds }) => (at === null ? [] : [at, at + (seconds ?? 0) * 1000]));
  const first = Math.min(...times);
  const length = Math.max(...times) - first;
  return (
    <ol class="timeline" aria-label={label}>
      {steps.map((step, index) => (
        <li key={index} class={step.tone ?? "plain"}>
          <div class="step-head">
            <strong>{step.title}</strong>
            <span class="spread" />
            {step.at !== null && <span class="muted" title="after the first step">+{duration((step.at - first) / 1000)}</span>}
            {step.seconds !== undefined && step.seconds !== null && <span>took {duration(step.seconds)}</span>}
            <Time at={step.at} show="absolute" precise />
          </div>
          {step.at !== null && length > 0 && (
            <div class="step-track" aria-hidden="true">
              <div style={{ marginLeft: `min(${(100 * (step.at - first)) / length}%, 100% - 3px)`, width: `${(100_000 * (step.seconds ?? 0)) / length}%` }} />
            </div>
          )}
          {step.detail && <div class="step-detail">{step.detail}</div>}
        </li>
      ))}
    </ol>
  );
}
