// Records of the log as the pages show them: read by stretches, with their data to the digit.
import type { paths } from "mesh-api";
import { type Schemas, get, request, urlOf } from "./api.ts";
import { type JsonNode, jsonText, member, parseJson } from "./json_tree.ts";
import { type Merge, type Stretch, bounded, merged, nearEnd, nextStretches, partitionKey } from "./record_pages.ts";
import { bounds, parseRange } from "./range.ts";
import type { Filters } from "./router.ts";
import { rfc3339 } from "./time.ts";

/** `text` is the record and `data` its value as the server wrote them; JSON.parse rounds numbers. */
export type Row = Schemas["Record"] & { readonly text: string; readonly data: string };

const kTopicRecords = "/admin/v1/topics/{topic}/records" satisfies keyof paths;
const kEvent = "/admin/v1/events/{id}" satisfies keyof paths;
export const kMostRows = 500;
const kPage = 50;
const kRounds = 5;
const kMostScanned = 20_000;

export type Sums = Readonly<Record<string, number>>;
export interface Found extends Merge<Row> {
  readonly key: string;
  /** How far each partition has been followed. */
  readonly ends: Readonly<Record<string, number>>;
  /** The sum of them by topic, as the live stream tells it. */
  readonly sums: Sums;
  readonly leftOut: number;
}

function row(record: Schemas["Record"], node: JsonNode | null | undefined): Row {
  const value = member(node, "value");
  return {
    ...record,
    text: node ? jsonText(node) : JSON.stringify(record),
    data: record.value_base64 ?? (typeof record.value === "string" ? record.value : value ? jsonText(value) : JSON.stringify(record.value ?? null)),
  };
}

async function readText(signal: AbortSignal, ...url: Parameters<typeof urlOf>): Promise<string> {
  return (await request("GET", urlOf(...url), undefined, { signal })).text();
}

async function readPage(signal: AbortSignal, topic: string, query: Record<string, unknown>): Promise<{ items: Row[]; next: Positions }> {
  const text = await readText(signal, kTopicRecords, { topic }, query);
  const page = JSON.parse(text) as Schemas["RecordPage"];
  const items = member(parseJson(text), "items");
  return {
    next: positionsOf(page.next),
    items: page.items.map((record, index) => row(record, items?.kind === "array" ? items.items[index] : null)),
  };
}

type Positions = (readonly [partition: number, offset: number])[];
function positionsOf(next: string | null): Positions {
  return next ? next.split(",").map((each) => each.split(":").map(Number) as [number, number]) : [];
}

export function isFiltered({ tenant, type, key }: Filters): boolean {
  return Boolean(tenant || type || key);
}

/** All that `stretches` hold and the filters admit. */
async function readStretches(stretches: readonly Stretch[], { tenant, type, key }: Filters, signal: AbortSignal): Promise<Row[]> {
  const lists = await Promise.all([...new Set(stretches.map(({ topic }) => topic))].map(async (topic) => {
    const rows: Row[] = [];
    const mine = stretches.filter((each) => each.topic === topic);
    const ends = new Map(mine.map(({ partition, end }) => [partition, end]));
    const inside = (partition: number, offset: number) => offset < (ends.get(partition) ?? 0);
    let open: Positions = mine.map(({ partition, start }) => [partition, start] as const);
    let before = "";
    // Where nothing moves, what is missing has been removed meanwhile.
    for (let positions = open.join(); positions !== before; positions = open.join()) {
      before = positions;
      if (open.length === 0) break;
      const limit = Math.min(open.reduce((sum, [partition, start]) => sum + (ends.get(partition) ?? 0) - start, 0), 1000);
      const page = await readPage(signal, topic, { positions: open.map((each) => each.join(":")).join(), limit, tenant, type, key });
      rows.push(...page.items.filter(({ partition, offset }) => inside(partition, offset)));
      open = page.next.filter(([partition, offset]) => inside(partition, offset));
    }
    return rows;
  }));
  return lists.flat();
}

/** The offsets of a topic at a time, by partition. */
async function offsetsAt(topic: string, at: number | null, signal: AbortSignal): Promise<Map<number, number>> {
  if (at === null) return new Map();
  const { items, next } = await readPage(signal, topic, { from: `@${rfc3339(at)}`, limit: 1 });
  // What it has read is at that time too.
  return new Map([...next, ...items.map(({ partition, offset }) => [partition, offset] as const)]);
}

function ours({ partition }: { partition: number }, filters: Filters): boolean {
  return !filters["topic"] || !filters["partition"] || partition === Number(filters["partition"]);
}

function sumOf({ partition_offsets }: Schemas["TopicDetails"]): number {
  return partition_offsets.reduce((sum, { end }) => sum + end, 0);
}
function details(topic: string, signal: AbortSignal): Promise<Schemas["TopicDetails"]> {
  return get("/admin/v1/topics/{topic}", { path: { topic }, signal });
}

export function isLetterTopic(topic: string): boolean {
  return topic.endsWith(".dlq");
}

/** Goes back until there is a page more, or it has looked far enough. */
export async function older(found: Found, filters: Filters, signal: AbortSignal): Promise<Found> {
  let list: Merge<Row> = found;
  const open = Math.max(nextStretches(list, 1).length, 1);
  const growth = isFiltered(filters) ? 8 : 2;
  let step = Math.min(Math.max(Math.ceil(300 / open), 10), 100);
  for (let round = 0; round < kRounds && list.rows.length < found.rows.length + kPage; ++round, step *= growth) {
    const stretches = nextStretches(list, step);
    if (stretches.length === 0) break;
    list = merged(list, stretches, await readStretches(stretches, filters, signal));
  }
  return { ...found, ...bounded(list, found.rows.length + kMostRows) };
}

export async function newest(key: string, filters: Filters, signal: AbortSignal): Promise<Found> {
  const names = filters["topic"]
    ? [filters["topic"]]
    : (await get("/admin/v1/topics", { signal })).items.map(({ name }) => name).filter((name) => !isLetterTopic(name));
  const range = parseRange(filters["range"]);
  const { from, to } = range ? bounds(range, Date.now()) : { from: null, to: null };
  const last = filters["topic"] && filters["offset"] ? Number(filters["offset"]) + 1 : Infinity;
  const sums: Record<string, number> = {};
  const ends: Record<string, number> = {};
  const left = await Promise.all(names.map(async (topic) => {
    const [all, starts, untils] = await Promise.all([details(topic, signal), offsetsAt(topic, from, signal), offsetsAt(topic, to, signal)]);
    sums[topic] = sumOf(all);
    return all.partition_offsets.filter((each) => ours(each, filters)).map(({ partition, start, end }) => {
      ends[partitionKey({ topic, partition })] = end;
      return { topic, partition, start: Math.max(start, starts.get(partition) ?? 0), end: Math.min(end, untils.get(partition) ?? end, last) };
    });
  }));
  return older({ key, rows: [], held: [], leftOut: 0, sums, ends, left: left.flat() }, filters, signal);
}

/** By topic, how many offsets there are beyond those that were read. */
export function newer(found: Found, sums: Sums | null | undefined, { topic }: Filters): (readonly [topic: string, amount: number])[] {
  return Object.entries(sums ?? {})
    .map(([name, sum]) => [name, sum - (found.sums[name] ?? 0)] as const)
    .filter(([name, amount]) => amount > 0 && (topic ? name === topic : !isLetterTopic(name)));
}

/** What came since; where that is more than is shown it goes on near the end, and counts what it left out. */
export async function follow(found: Found, live: Sums, filters: Filters, signal: AbortSignal): Promise<Found> {
  const changed = await Promise.all(newer(found, live, filters).map(([topic]) => details(topic, signal)));
  const sums = { ...found.sums };
  const ends = { ...found.ends };
  const came = changed.flatMap((all) => {
    sums[all.name] = sumOf(all);
    return all.partition_offsets.filter((each) => ours(each, filters)).map(({ partition, start, end }) => {
      const place = { topic: all.name, partition };
      const from = ends[partitionKey(place)] ?? 0;
      ends[partitionKey(place)] = end;
      return { ...place, start: Math.max(start, from), end };
    });
  });
  const { stretches, leftOut } = nearEnd(came, isFiltered(filters) ? kMostScanned : kMostRows);
  const got = await readStretches(stretches, filters, signal);
  const list = bounded(merged({ ...found, rows: [...got, ...found.rows] }, [], []), kMostRows);
  return { ...found, ...list, sums, ends, leftOut: found.leftOut + leftOut };
}

export async function recordAt(topic: string, partition: string, offset: string, signal: AbortSignal): Promise<Row | undefined> {
  const { items } = await readPage(signal, topic, { positions: `${partition}:${offset}`, limit: 1 });
  return items.find((each) => each.offset === Number(offset));
}

/** The last of that id: an event that was mended stands in the log twice. */
export async function recordOf(id: string, topic: string | undefined, signal: AbortSignal): Promise<Row> {
  const text = await readText(signal, kEvent, { id }, { topic });
  return row(JSON.parse(text) as Schemas["Record"], parseJson(text));
}
