// Figures one sees from afar, each leading to where more of it is.
import type { ComponentChildren } from "preact";
import type { Tone } from "./badge.tsx";

export function Tiles({ label, children }: { label: string; children: ComponentChildren }) {
  return <ul class="tiles" aria-label={label}>{children}</ul>;
}

export interface TileProps {
  readonly name: string;
  readonly figure: string;
  readonly unit?: string | undefined;
  readonly note?: string | undefined;
  readonly to?: string | undefined;
  readonly tone?: Tone | undefined;
}

export function Tile({ name, figure, unit, note, to, tone = "plain" }: TileProps) {
  const inside = (
    <>
      <span class="tile-name">{name}</span>
      <span class="tile-figure">{figure}{unit && <small>{unit}</small>}</span>
      <span class="tile-note">{note ?? "\u00a0"}</span>
    </>
  );
  return <li class={`tile ${tone}`}>{to ? <a href={to}>{inside}</a> : <div>{inside}</div>}</li>;
}
