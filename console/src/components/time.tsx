// A moment, shown in the zone one has chosen; how long ago, or exactly, for who rests on it.
import { useRoute, setFilters } from "../router.ts";
import { parseRange, rangeText } from "../range.ts";
import { absolute, milliseconds, now, relative, rfc3339, zone } from "../time.ts";
import { Field } from "./field.tsx";

export function Time({ at, show = "relative", precise }: { at: string | number | null | undefined; show?: "relative" | "absolute" | undefined; precise?: boolean | undefined }) {
  const time = milliseconds(at);
  if (time === null) return <span class="muted">–</span>;
  const exact = `${absolute(time, true)} ${zone.value === "utc" ? "UTC" : "local"}`;
  return (
    <time dateTime={rfc3339(time)} title={show === "relative" ? exact : relative(time)}>
      {show === "relative" ? relative(time) : absolute(time, precise)}
    </time>
  );
}

const kLast = [["5m", "5 minutes"], ["15m", "15 minutes"], ["1h", "1 hour"], ["6h", "6 hours"], ["1d", "1 day"], ["7d", "7 days"], ["30d", "30 days"]] as const;

// What <input type="datetime-local"> holds, in the zone that is shown.
function typedTime(at: number | null): string {
  return at === null ? "" : absolute(at).replace(" ", "T");
}
function timeTyped(text: string): number | null {
  const time = Date.parse(zone.value === "utc" ? `${text}Z` : text);
  return Number.isFinite(time) ? time : null;
}

/** Relative or absolute, in the filter `range`; `otherwise` is what holds without one: "1h", or "" for all. */
export function TimeRange({ name = "range", otherwise = "" }: { name?: string | undefined; otherwise?: string | undefined }) {
  const text = useRoute().filters[name] ?? otherwise;
  const range = parseRange(text);
  const exact = range?.kind === "between";
  const set = (next: string) => setFilters({ [name]: next === otherwise ? undefined : next }, { push: true });
  const between = (change: { from?: number | null; to?: number | null }) => {
    const before = range?.kind === "between" ? range : { from: now.peek() - (range?.seconds ?? 3600) * 1000, to: null };
    const from = change.from ?? before.from;
    const to = change.to === undefined ? before.to : change.to;
    set(rangeText({ kind: "between", from, to: to !== null && to < from ? null : to }));
  };
  const known = kLast.some(([value]) => value === text);
  return (
    <>
      <Field label="Time">
        <select value={exact ? "exact" : text} onChange={(event) => {
          const value = event.currentTarget.value;
          if (value === "exact") between({});
          else set(value);
        }}>
          {otherwise === "" && <option value="" selected={text === ""}>all</option>}
          {kLast.map(([value, words]) => <option key={value} value={value} selected={!exact && value === text}>last {words}</option>)}
          {range?.kind === "last" && !known && <option value={text} selected={!exact}>last {text}</option>}
          <option value="exact" selected={exact}>from … to …</option>
        </select>
      </Field>
      {exact && (
        <>
          <Field label={`From (${zone.value === "utc" ? "UTC" : "local"})`}>
            <input type="datetime-local" step={1} value={typedTime(range?.kind === "between" ? range.from : null)}
              onChange={(event) => between({ from: timeTyped(event.currentTarget.value) })} />
          </Field>
          <Field label="To">
            <input type="datetime-local" step={1} value={typedTime(range?.kind === "between" ? range.to : null)}
              onChange={(event) => between({ to: timeTyped(event.currentTarget.value) })} />
          </Field>
        </>
      )}
    </>
  );
}
