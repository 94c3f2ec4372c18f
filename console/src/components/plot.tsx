// Lines over time, drawn by uPlot; gaps stay gaps. Its figures stand beside it as text, those under
// the pointer or else the last, and a sentence says the same to who cannot see lines.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { kNothing, tickTime } from "../format.ts";
import { theme } from "../theme.ts";
import { absolute, zone } from "../time.ts";

export interface Series {
  readonly label: string;
  readonly values: readonly (number | null)[];
  /** 1…6 of the palette; by its place where left out. */
  readonly colour?: number | undefined;
}

export interface PlotProps {
  readonly title: string;
  /** Milliseconds since the epoch, rising. */
  readonly time: readonly number[];
  readonly series: readonly Series[];
  /** A figure with its unit: `duration`, `count`, or (v) => `${rate(v)}/s`. */
  readonly figure: (value: number | null) => string;
  /** The figures of the axis, where those are too long. */
  readonly tick?: ((value: number) => string) | undefined;
  readonly height?: number | undefined;
}

// Seconds between the times below it. None is shorter than what the times show.
const kSteps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400, 172_800, 604_800];

function colourOf(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function lastOf(values: readonly (number | null)[]): number | null {
  for (let index = values.length - 1; index >= 0; --index) {
    const value = values[index];
    if (value !== null && value !== undefined) return value;
  }
  return null;
}

function sentence({ title, time, series, figure }: PlotProps): string {
  if (time.length === 0) return `${title}: nothing was measured yet.`;
  const parts = series.map(({ label, values }) => {
    const measured = values.filter((value): value is number => value !== null);
    if (measured.length === 0) return `${label} not measured`;
    const least = measured.reduce((one, other) => Math.min(one, other));
    const most = measured.reduce((one, other) => Math.max(one, other));
    return `${label} now ${figure(lastOf(values))}, least ${figure(least)}, most ${figure(most)}`;
  });
  return `${title}, from ${absolute(time[0])} to ${absolute(time[time.length - 1])}: ${parts.join("; ")}.`;
}

function options(element: HTMLElement, shown: { current: PlotProps }, onIndex: (index: number | null) => void): uPlot.Options {
  const { series, height = 130 } = shown.current;
  const axis = { stroke: () => colourOf("--muted"), font: "11px system-ui, sans-serif", ticks: { show: false } };
  const grid = { stroke: () => colourOf("--grid"), width: 1 };
  const [pad, x, y] = [6, 24, 52];
  return {
    width: Math.max(element.clientWidth, 120),
    height,
    padding: [pad, pad, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
    ...(zone.peek() === "utc" ? { tzDate: (at: number) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC") } : {}),
    scales: { y: { range: (_: uPlot, __: number, most: number) => [0, most > 0 ? most * 1.1 : 1] } },
    axes: [
      { ...axis, grid: { show: false }, size: x, space: 70, incrs: kSteps, values: (_, ticks, __, ___, step) => ticks.map((each) => tickTime(absolute(each * 1000), step)) },
      { ...axis, grid, size: y, gap: 4, space: 34, values: (_, ticks) => ticks.map((each) => (shown.current.tick ?? shown.current.figure)(each)) },
    ],
    series: [
      {},
      ...series.map(({ label, colour }, index) => ({
        label,
        stroke: () => colourOf(`--series-${colour ?? index + 1}`),
        ...(series.length === 1 ? { fill: () => `${colourOf(`--series-${colour ?? index + 1}`)}1f` } : {}),
        width: 1.5,
        points: { show: false },
        spanGaps: false,
      })),
    ],
    hooks: {
      setCursor: [(plot) => onIndex(plot.cursor.idx ?? null)],
    },
  };
}

export function Plot(props: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const shown = useRef(props);
  shown.current = props;
  const index = useSignal<number | null>(null);
  const { title, time, series, figure } = props;
  const labels = series.map(({ label }) => label).join("\n");
  const zoneNow = zone.value;
  const themeNow = theme.value;

  const data = (): uPlot.AlignedData =>
    [shown.current.time.map((at) => at / 1000), ...shown.current.series.map(({ values }) => values as (number | null)[])];

  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const drawn = new uPlot(options(element, shown, (at) => (index.value = at)), data(), element);
    plot.current = drawn;
    const watcher = new ResizeObserver(() => {
      const width = element.clientWidth;
      if (width > 0 && width !== drawn.width) drawn.setSize({ width, height: drawn.height });
    });
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      drawn.destroy();
      plot.current = null;
    };
  }, [labels, zoneNow, props.height]);
  useEffect(() => plot.current?.setData(data()), [time, series]);
  useEffect(() => plot.current?.redraw(false), [themeNow]);

  const at = index.value;
  return (
    <figure class="plot">
      <figcaption>
        <span class="plot-title">{title}</span>
        <span class="spread" />
        {at !== null && <span class="muted">{absolute(time[at]).slice(11)}</span>}
        {series.map(({ label, values, colour }, place) => (
          <span key={label} class="plot-figure">
            <span class={`swatch series-${colour ?? place + 1}`} aria-hidden="true" />
            {series.length > 1 && <span class="muted">{label}</span>}
            <b>{time.length === 0 ? kNothing : figure(at === null ? lastOf(values) : (values[at] ?? null))}</b>
          </span>
        ))}
      </figcaption>
      <div ref={place} class="plot-place" role="img" aria-label={sentence(props)} />
    </figure>
  );
}
