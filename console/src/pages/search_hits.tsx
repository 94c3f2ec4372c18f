// Hits by score; beside those of another generation each says where it stands there.
import type { ComponentChildren } from "preact";
import { moves } from "../ranks.ts";
import { score } from "../why_not.ts";

export interface HitRow {
  readonly id: string;
  readonly score: number;
  readonly title: ComponentChildren;
  readonly note?: ComponentChildren;
}

function Move({ by }: { by: number | null }) {
  const tone = by === null || by < 0 ? "down" : by > 0 ? "up" : "muted";
  return <span class={`move ${tone}`} title="Its rank against the other's">{by === null ? "only here" : by === 0 ? "=" : `${by > 0 ? "↑" : "↓"}${Math.abs(by)}`}</span>;
}

export function Hits({ label, rows, other }: { label: string; rows: readonly HitRow[]; other?: readonly HitRow[] | undefined }) {
  if (rows.length === 0) return <p class="card empty">No hits: a lower least score or other words may find more.</p>;
  const moved = other && moves(rows, other);
  const most = Math.max(1, ...rows.map((row) => row.score));
  return (
    <ol class="hits" aria-label={label}>
      {rows.map(({ id, score: has, title, note }, index) => {
        const by = moved?.get(id);
        return (
          <li key={id} class={by === null ? "only" : ""}>
            <span>{index + 1}</span>
            <span>{score(has)}<progress max={most} value={Math.max(has, 0)} aria-hidden="true" /></span>
            <span>{title}<small>{note}</small></span>
            {by !== undefined && <Move by={by} />}
          </li>
        );
      })}
    </ol>
  );
}
