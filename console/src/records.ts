// Records of the log as the pages show them: read by stretches, with their data to the digit.
import { type Schemas, get, request, urlOf } from "./api.ts";
import { jsonText, member, parseJson } from "./json_tree.ts";
import { type Merge, type Stretch, bounded, merged, nearEnd, nextStretches, partitionKey, width } from "./record_pages.ts";
import { bounds, parseRange } from "./range.ts";
import type { Filters } from "./router.ts";

/** `text` is the record and `data` its value as the server wrote them; JSON.parse rounds numbers. */
export type Row = Schemas["Record"] & { readonly text: string; readonly data: string };

export const kMostRows = 500;
const kPage = 50;
const kRounds = 5;
const kMostScanned = 20_000;

export interface Found extends Merge<Row> {
  readonly key: string;
  /** How far each partition has been followed. */
  readonly ends: Readonly<Record<string, number>>;
  /** Sums of ends as the live stream has them, when it was followed last. */
  readonly sums: Readonly<Record<string, number>> | undefined;
  readonly leftOut: number;
}

/** `text` is that of a record. */
function row(record: Schemas["Record"], text: string, data: string): Row {
  return { ...record, text, data: record.value_base64 ?? (typeof record.value === "string" ? record.value : data) };
}

async function readPage(url: string, signal: AbortSignal): Promise<{ items: Row[]; next: string }> {
  const text = await (await request("GET", url, undefined, { signal })).text();
  const page = JSON.parse(text) as Schemas["RecordPage"];
  const items = member(parseJson(text), "items");
  const nodes = items?.kind === "array" ? items.items : [];
  return {
    next: page.next ?? "",
    items: page.items.map((record, index) => {
      const node = nodes[index];
      const data = member(node, "value");
      return row(record, node ? jsonText(node) : JSON.stringify(record), data ? jsonText(data) : JSON.stringify(record.value ?? null));
    }),
  };
}

const kTopicRecords = "/admin/v1/topics/{topic}/records" satisfies keyof import("mesh-api").paths;

function filtersOf({ tenant, type, key }: Filters) {
  return { tenant, type, key };
}
export function isFiltered({ tenant, type, key }: Filters): boolean {
  return Boolean(tenant || type || key);
}

/** All that `stretches` hold and the filters admit. */
async function readStretches(stretches: readonly Stretch[], filters: Filters, signal: AbortSignal): Promise<Row[]> {
  const topics = [...new Set(stretches.map(({ topic }) => topic))];
  const lists = await Promise.all(topics.map(async (topic) => {
    const rows: Row[] = [];
    const ends = new Map(stretches.filter((each) => each.topic === topic).map(({ partition, end }) => [partition, end]));
    let open = stretches.filter((each) => each.topic === topic).map(({ partition, start }) => [partition, start] as const);
    while (open.length > 0) {
      const wanted = open.reduce((sum, [partition, start]) => sum + (ends.get(partition) ?? 0) - start, 0);
      const positions = open.map((each) => each.join(":")).join(",");
      const page = await readPage(urlOf(kTopicRecords, { topic }, { positions, limit: Math.min(wanted, 1000), ...filtersOf(filters) }), signal);
      rows.push(...page.items.filter(({ partition, offset }) => offset < (ends.get(partition) ?? 0)));
      const before = new Map(open);
      const next = page.next.split(",").map((each) => each.split(":").map(Number) as [number, number]);
      open = next.filter(([partition, at]) => at < (ends.get(partition) ?? 0));
      // Nothing moved: what is missing there has been removed meanwhile.
      if (page.items.length === 0 && open.every(([partition, at]) => before.get(partition) === at)) break;
    }
    return rows;
  }));
  return lists.flat();
}

/** The offsets of a topic at a time, by partition. */
async function offsetsAt(topic: string, at: number, signal: AbortSignal): Promise<Map<number, number>> {
  const { items, next } = await get(kTopicRecords, { path: { topic }, query: { from: `@${new Date(at).toISOString()}`, limit: 1 }, signal });
  const offsets = new Map((next ?? "").split(",").map((each) => each.split(":").map(Number) as [number, number]));
  for (const { partition, offset } of items) offsets.set(partition, offset);  // It has been read already.
  return offsets;
}

function ours({ partition }: { partition: number }, filters: Filters): boolean {
  return !filters["topic"] || !filters["partition"] || partition === Number(filters["partition"]);
}

/** What of a topic the filters mean; `end` is its end whatever they say. */
async function stretchesOf(topic: string, filters: Filters, signal: AbortSignal): Promise<(Stretch & { until: number })[]> {
  const range = parseRange(filters["range"]);
  const { from, to } = range ? bounds(range, Date.now()) : { from: null, to: null };
  const [details, starts, ends] = await Promise.all([
    get("/admin/v1/topics/{topic}", { path: { topic }, signal }),
    from === null ? undefined : offsetsAt(topic, from, signal),
    to === null ? undefined : offsetsAt(topic, to, signal),
  ]);
  const last = filters["topic"] && filters["offset"] ? Number(filters["offset"]) + 1 : Infinity;
  return details.partition_offsets.filter((each) => ours(each, filters)).map(({ partition, start, end }) => ({
    topic, partition, end,
    start: Math.max(start, starts?.get(partition) ?? 0),
    until: Math.min(end, ends?.get(partition) ?? end, last),
  }));
}

export function isLetterTopic(topic: string): boolean {
  return topic.endsWith(".dlq");
}

/** Goes back until there is a page more, or it has looked far enough. */
export async function older(found: Found, filters: Filters, signal: AbortSignal): Promise<Found> {
  let list: Merge<Row> = found;
  const open = Math.max(nextStretches(list, 1).length, 1);
  let step = isFiltered(filters) ? 1000 : Math.min(Math.max(Math.ceil(300 / open), 10), 100);
  for (let round = 0; round < kRounds && list.rows.length < found.rows.length + kPage; ++round, step *= 2) {
    const stretches = nextStretches(list, step);
    if (stretches.length === 0) break;
    list = merged(list, stretches, await readStretches(stretches, filters, signal));
  }
  return { ...found, ...list };
}

export async function newest(key: string, filters: Filters, signal: AbortSignal): Promise<Found> {
  const names = filters["topic"]
    ? [filters["topic"]]
    : (await get("/admin/v1/topics", { signal })).items.map(({ name }) => name).filter((name) => !isLetterTopic(name));
  const all = (await Promise.all(names.map((topic) => stretchesOf(topic, filters, signal)))).flat();
  return older({
    key, rows: [], held: [], leftOut: 0, sums: undefined,
    ends: Object.fromEntries(all.map((each) => [partitionKey(each), each.end])),
    left: all.map(({ topic, partition, start, until }) => ({ topic, partition, start, end: until })),
  }, filters, signal);
}

/** What came since; where that is more than is shown it goes on near the end, and counts what it left out. */
export async function follow(found: Found, sums: Readonly<Record<string, number>>, filters: Filters, signal: AbortSignal): Promise<Found> {
  const changed = Object.keys(sums).filter((topic) => sums[topic] !== found.sums?.[topic]
    && (filters["topic"] ? topic === filters["topic"] : !isLetterTopic(topic)));
  if (changed.length === 0) return found;
  const details = await Promise.all(changed.map((topic) => get("/admin/v1/topics/{topic}", { path: { topic }, signal })));
  const came = details.flatMap(({ name: topic, partition_offsets }) => partition_offsets.filter((each) => ours(each, filters))
    .map(({ partition, start, end }) => ({ topic, partition, start: Math.max(start, found.ends[partitionKey({ topic, partition })] ?? 0), end })));
  const { stretches, leftOut } = nearEnd(came, isFiltered(filters) ? kMostScanned : kMostRows);
  const got = width(stretches) > 0 ? await readStretches(stretches, filters, signal) : [];
  const list = bounded(merged({ ...found, rows: [...got, ...found.rows] }, [], []), kMostRows);
  return {
    ...found, ...list, sums, leftOut: found.leftOut + leftOut,
    ends: { ...found.ends, ...Object.fromEntries(came.map((each) => [partitionKey(each), each.end])) },
  };
}

/** How many offsets there are that were not read; null while that is not known. */
export function newer(found: Found, sums: Readonly<Record<string, number>> | null | undefined, filters: Filters): number | null {
  if (!sums || filters["partition"]) return null;
  const known: Record<string, number> = {};
  for (const [key, end] of Object.entries(found.ends)) {
    const topic = key.slice(0, key.lastIndexOf("/"));
    known[topic] = (known[topic] ?? 0) + end;
  }
  return Object.entries(known).reduce((sum, [topic, end]) => sum + Math.max((sums[topic] ?? end) - end, 0), 0);
}

export async function recordAt(topic: string, partition: string, offset: string, signal: AbortSignal): Promise<Row | null> {
  const { items } = await readPage(urlOf(kTopicRecords, { topic }, { positions: `${partition}:${offset}`, limit: 1 }), signal);
  return items.find((each) => each.offset === Number(offset)) ?? null;
}

export async function recordOf(id: string, topic: string | undefined, signal: AbortSignal): Promise<Row> {
  const path = "/admin/v1/events/{id}" satisfies keyof import("mesh-api").paths;
  const text = await (await request("GET", urlOf(path, { id }, { topic }), undefined, { signal })).text();
  const data = member(parseJson(text), "value");
  return row(JSON.parse(text) as Schemas["Record"], text, data ? jsonText(data) : "null");
}
