// Hits by score; beside those of another generation each says where it stands there.
import type { ComponentChildren } from "preact";
import { score } from "../why_not.ts";

export interface HitRow {
  readonly id: string;
  readonly score: number;
  readonly title: ComponentChildren;
  readonly note?: ComponentChildren;
  readonly actions?: ComponentChildren;
}

function Move({ by }: { by: number | null }) {
  if (by === null) return <span class="move only">only here</span>;
  if (by === 0) return <span class="move muted" title="the same rank in the other">=</span>;
  const ranks = Math.abs(by) === 1 ? "1 rank" : `${Math.abs(by)} ranks`;
  return <span class={`move ${by > 0 ? "up" : "down"}`} title={`${ranks} ${by > 0 ? "higher" : "lower"} than in the other`}>{by > 0 ? "↑" : "↓"}{Math.abs(by)}</span>;
}

export function Hits({ label, rows, moved, empty }: {
  label: string; rows: readonly HitRow[]; moved?: ReadonlyMap<string, number | null> | undefined; empty: ComponentChildren;
}) {
  if (rows.length === 0) return <div class="card empty">{empty}</div>;
  const most = Math.max(1, ...rows.map((row) => row.score));
  return (
    <ol class="hits" aria-label={label}>
      {rows.map((row, index) => {
        const by = moved?.get(row.id);
        return (
          <li key={row.id} class={by === null ? "only" : ""}>
            <span class="hit-rank">{index + 1}</span>
            <span class="hit-score">
              {score(row.score)}
              <span class="score-track" aria-hidden="true"><span style={{ width: `${(100 * Math.max(row.score, 0)) / most}%` }} /></span>
            </span>
            <span class="hit-what"><span>{row.title}</span>{row.note && <span class="muted">{row.note}</span>}</span>
            <span class="hit-end">{by !== undefined && <Move by={by} />}{row.actions}</span>
          </li>
        );
      })}
    </ol>
  );
}
