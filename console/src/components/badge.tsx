// A word of state. The word says it all: colour alone is seen by not everyone.
import type { ComponentChildren } from "preact";

export type Tone = "good" | "warning" | "bad" | "info" | "plain";

export function Badge({ tone = "plain", title, children }: { tone?: Tone | undefined; title?: string | undefined; children: ComponentChildren }) {
  return <span class={`badge ${tone}`} title={title}><span class="dot" aria-hidden="true" />{children}</span>;
}
