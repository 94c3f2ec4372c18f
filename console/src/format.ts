// Numbers for people, in the forms of `mesh`. Pure. What is not known is an en dash.

export const kNothing = "–";
type Maybe = number | null | undefined;

function known(value: Maybe): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

/** "1,234,567" */
export function count(value: Maybe): string {
  if (!known(value)) return kNothing;
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** "987", "12.3k", "4.6M": where there is little room. */
export function shortCount(value: Maybe): string {
  if (!known(value)) return kNothing;
  const units = ["", "k", "M", "G", "T"];
  let rest = Math.abs(value);
  let unit = 0;
  while (rest >= 999.5 && unit + 1 < units.length) {
    rest /= 1000;
    ++unit;
  }
  const text = rest >= 99.95 ? String(Math.round(rest)) : rest.toFixed(1).replace(/\.0$/, "");
  return `${value < 0 ? "-" : ""}${text}${units[unit]}`;
}

/** Per second: "1,234", "8.3", "<0.1". */
export function rate(perSecond: Maybe): string {
  if (!known(perSecond)) return kNothing;
  if (perSecond === 0) return "0";
  if (perSecond < 0.1) return "<0.1";
  return perSecond >= 9.95 ? count(perSecond) : perSecond.toFixed(1);
}

/** Of 0…1: "45%", rounded down: 100% is the end. */
export function percent(share: Maybe): string {
  if (!known(share)) return kNothing;
  return `${Math.floor(Math.min(Math.max(share, 0), 1) * 100)}%`;
}

/** "1.5 MiB" */
export function bytes(value: Maybe): string {
  if (!known(value)) return kNothing;
  if (value < 1024) return `${Math.round(value)} B`;
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
  let unit = 0;
  while (value >= 1023.95 && unit + 1 < units.length) {
    value /= 1024;
    ++unit;
  }
  return `${value.toFixed(1)} ${units[unit]}`;
}

const kUnits: readonly (readonly [number, string])[] = [[86_400, "d"], [3_600, "h"], [60, "m"], [1, "s"]];

// The largest unit there is, and the next where there are fewer than `detailed` of it.
function twoUnits(seconds: number, detailed: number): string {
  for (const [index, [length, name]] of kUnits.entries()) {
    const amount = Math.floor(seconds / length);
    if (amount === 0 && length > 1) continue;
    const next = kUnits[index + 1];
    const text = `${amount}${name}`;
    if (!next || amount >= detailed) return text;
    const rest = Math.floor((seconds % length) / next[0]);
    return rest === 0 ? text : `${text}${rest}${next[1]}`;
  }
  return "0s";
}

/** "0.4ms", "250ms", "2.5s", "1m30s", "2d5h": how long something took. */
export function duration(seconds: Maybe): string {
  if (!known(seconds)) return kNothing;
  if (seconds === 0) return "0s";
  if (seconds < 0.000_1) return "<0.1ms";
  if (seconds < 0.009_95) return `${(seconds * 1000).toFixed(1)}ms`;
  if (seconds < 0.999_5) return `${Math.round(seconds * 1000)}ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1).replace(/\.0$/, "")}s`;
  return twoUnits(Math.round(seconds), Infinity);
}

/** How long ago, "45s", "3m12s", "25m", "2d5h", or how far ahead, "in 5m". */
export function age(seconds: Maybe): string {
  if (!known(seconds)) return kNothing;
  if (seconds < 0) return `in ${twoUnits(Math.round(-seconds), 10)}`;
  return twoUnits(Math.floor(seconds), 10);
}

/** "1 letter", "3 letters" */
export function several(amount: number, one: string, many = `${one}s`): string {
  return `${count(amount)} ${amount === 1 ? one : many}`;
}

/** As much of a time (`absolute`) as tells it from others that are `step` seconds away. */
export function tickTime(time: string, step: number): string {
  if (step >= 3600) return time.slice(5, 16);
  return time.slice(11, step < 60 ? 19 : 16);
}
