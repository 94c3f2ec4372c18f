// How the records of many partitions become one list, the newest first, though the log is read
// forwards: of each partition a stretch before its end, merged by time. Pure.

export interface Place {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly time: string;
}
/** Offsets of a partition, `end` left out. */
export interface Stretch {
  readonly topic: string;
  readonly partition: number;
  readonly start: number;
  readonly end: number;
}

export function partitionKey({ topic, partition }: { topic: string; partition: number }): string {
  return `${topic}/${partition}`;
}
export function placeKey(place: Place): string {
  return `${partitionKey(place)}/${place.offset}`;
}

/** How many offsets there are in all. */
export function width(stretches: readonly Stretch[]): number {
  return stretches.reduce((sum, { start, end }) => sum + Math.max(end - start, 0), 0);
}

export function newestFirst<R extends Place>(rows: readonly R[]): R[] {
  const unique = new Map(rows.map((row) => [placeKey(row), row]));
  return [...unique.values()].sort((one, other) => Date.parse(other.time) - Date.parse(one.time) || other.offset - one.offset);
}

export interface Merge<R extends Place> {
  readonly rows: readonly R[];
  /** Read, but a partition may have newer ones that are not read yet. */
  readonly held: readonly R[];
  /** Not read yet. */
  readonly left: readonly Stretch[];
}

/** What is to be read next: of each partition of which no row is held back, its last `step` offsets. */
export function nextStretches({ held, left }: Merge<Place>, step: number): Stretch[] {
  const waiting = new Set(held.map(partitionKey));
  return left
    .filter((each) => each.end > each.start && !waiting.has(partitionKey(each)))
    .map((each) => ({ ...each, start: Math.max(each.start, each.end - step) }));
}

/** With `got`, which is all that `stretches` hold. */
export function merged<R extends Place>(before: Merge<R>, stretches: readonly Stretch[], got: readonly R[]): Merge<R> {
  const read = new Map(stretches.map((each) => [partitionKey(each), each.start]));
  const left = before.left
    .map((each) => ({ ...each, end: read.get(partitionKey(each)) ?? each.end }))
    .filter(({ start, end }) => end > start);
  const all = newestFirst([...before.rows, ...before.held, ...got]);
  const oldest = new Map(all.map((row) => [partitionKey(row), Date.parse(row.time)]));
  const horizon = Math.max(-Infinity, ...left.map((each) => oldest.get(partitionKey(each)) ?? -Infinity));
  const shown = new Set(before.rows.map(placeKey));
  const show = (row: R) => Date.parse(row.time) >= horizon || shown.has(placeKey(row));
  return { rows: all.filter(show), held: all.filter((row) => !show(row)), left };
}

/** At most `most` rows: those let go count as not read. */
export function bounded<R extends Place>(list: Merge<R>, most: number): Merge<R> {
  if (list.rows.length <= most) return list;
  const ends = new Map<string, Stretch>(list.left.map((each) => [partitionKey(each), each]));
  for (const row of list.rows.slice(most)) {
    const key = partitionKey(row);
    const known = ends.get(key) ?? { topic: row.topic, partition: row.partition, start: row.offset, end: 0 };
    ends.set(key, { ...known, start: Math.min(known.start, row.offset), end: Math.max(known.end, row.offset + 1) });
  }
  return {
    rows: list.rows.slice(0, most),
    held: list.held.filter((row) => row.offset >= (ends.get(partitionKey(row))?.end ?? 0)),
    left: [...ends.values()],
  };
}

/** The newest `most` offsets of what came, each partition by its share, and how many that leaves out. */
export function nearEnd(came: readonly Stretch[], most: number): { stretches: Stretch[]; leftOut: number } {
  const all = width(came);
  const stretches = came
    .map((each) => ({ ...each, start: all <= most ? each.start : Math.max(each.start, each.end - Math.ceil((most * (each.end - each.start)) / all)) }))
    .filter(({ start, end }) => end > start);
  return { stretches, leftOut: all - width(stretches) };
}

/** "name", "name=part of its value", or a part of either. */
export function headerMatches(headers: Readonly<Record<string, string>>, wanted: string): boolean {
  const text = wanted.trim().toLowerCase();
  const mark = text.indexOf("=");
  return Object.entries(headers).some(([name, value]) => mark > 0
    ? name.toLowerCase() === text.slice(0, mark).trim() && value.toLowerCase().includes(text.slice(mark + 1).trim())
    : name.toLowerCase().includes(text) || value.toLowerCase().includes(text));
}
