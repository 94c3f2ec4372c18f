// A word on what was done, for a few seconds: toast("Cancelled", { to: href("tasks", [id]) }).
import { signal } from "@preact/signals";

interface Toast {
  readonly id: number;
  readonly text: string;
  readonly to: string | undefined;
  readonly bad: boolean;
}

const shown = signal<readonly Toast[]>([]);
let last = 0;

function take(id: number): void {
  shown.value = shown.peek().filter((each) => each.id !== id);
}

/** What failed is shown where it was asked for (`ErrorBox`); here only what nobody waits for. */
export function toast(text: string, { to, bad = false }: { to?: string; bad?: boolean } = {}): void {
  const id = ++last;
  shown.value = [...shown.peek(), { id, text, to, bad }].slice(-4);
  setTimeout(() => take(id), bad ? 15_000 : 6_000);
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {shown.value.map((each) => (
        <div key={each.id} class={`toast${each.bad ? " bad" : ""}`}>
          <span>{each.text}</span>
          {each.to && <a href={each.to}>Look</a>}
          <button type="button" class="button icon small quiet" aria-label="Dismiss" onClick={() => take(each.id)}>✕</button>
        </div>
      ))}
    </div>
  );
}
