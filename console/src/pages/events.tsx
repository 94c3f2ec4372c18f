// The records of the log: looked through from the newest back, and as they come.
import { useEffect, useRef, useState } from "preact/hooks";
import { get } from "../api.ts";
import { Badge } from "../components/badge.tsx";
import { Drawer } from "../components/dialog.tsx";
import { ErrorBox } from "../components/error_box.tsx";
import { ChoiceFilter, FilterBar, TextFilter } from "../components/field.tsx";
import { PageHead } from "../components/page_head.tsx";
import { type Column, Table } from "../components/table.tsx";
import { Time, TimeRange } from "../components/time.tsx";
import { count, several } from "../format.ts";
import { csv, saveFile } from "../export.ts";
import { paused, sample } from "../live.ts";
import { type Problem, asProblem } from "../problem.ts";
import { headerMatches, placeKey } from "../record_pages.ts";
import { type Found, type Row, follow, isFiltered, kMostRows, newer, newest, older } from "../records.ts";
import { parseRange } from "../range.ts";
import { useResource } from "../resource.ts";
import { type Filters, hrefWith, setFilters, useRoute } from "../router.ts";
import { session } from "../session.ts";
import { rfc3339 } from "../time.ts";
import { EventBody, EventPage, placeHref, placeText, useEvent } from "./event_details.tsx";

const kTenant = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const kNumber = /^\d{1,15}$/;
const kLoaded = ["topic", "partition", "offset", "key", "tenant", "type", "range"] as const;
const kShortData = 300;

function dataText(row: Row): string {
  if (row.payload_hidden) return "hidden in this session";
  return row.value === null && !row.value_base64 ? "no data" : row.data;
}

const kColumns: readonly Column<Row>[] = [
  { key: "time", head: "Time", cell: (row) => <Time at={row.time} show="absolute" precise /> },
  { key: "type", head: "Type", cell: (row) => row.type ?? <span class="muted">no event</span> },
  { key: "tenant", head: "Tenant", cell: (row) => row.tenant },
  { key: "key", head: "Key", cell: (row) => <code class="cut key">{row.key}</code> },
  { key: "data", head: "Data", wide: true, cell: (row) => <code class={`cut${row.payload_hidden || row.value === null ? " muted" : ""}`}>{dataText(row).slice(0, kShortData)}</code> },
  { key: "place", head: "Place", cell: (row) => <span class="muted">{placeText(row)}</span> },
];

const kExports: Readonly<Record<string, readonly [type: string, text: (rows: readonly Row[]) => string]>> = {
  CSV: ["text/csv", (rows) => csv([
    ["time", "topic", "partition", "offset", "key", "id", "type", "tenant", "subject", "data"],
    ...rows.map((row) => [row.time, row.topic, row.partition, row.offset, row.key, row.id, row.type, row.tenant, row.subject, row.payload_hidden ? "" : row.data]),
  ])],
  JSON: ["application/json", (rows) => `[\n${rows.map(({ text }) => text).join(",\n")}\n]\n`],
  NDJSON: ["application/x-ndjson", (rows) => rows.map(({ text }) => `${text}\n`).join("")],
};

function words({ topic, key, tenant, type, range, offset }: Filters, live: boolean): string[] {
  const parsed = parseRange(range);
  const option = (name: string, value: string | undefined) => (value ? [name, value] : []);
  const at = (time: number) => `@${rfc3339(time)}`;
  const from = parsed && (parsed.kind === "last" ? `@-${parsed.text}` : at(parsed.from));
  if (from && parsed?.kind === "between" && parsed.to !== null && topic && !key) {
    return ["events", "export", "--topic", topic, "--from", from, "--to", at(parsed.to), ...option("--type", type), ...option("--tenant", tenant)];
  }
  return [
    "events", "tail", ...option("--topic", topic),
    ...Object.entries({ type, tenant, key }).flatMap(([name, value]) => option("--filter", value && `${name}=${value}`)),
    ...(live ? [] : from ? ["--from", from, "--no-follow"]
      : [...option("--from", topic && offset && String(Math.max(Number(offset) - 99, 0))), "-n", "100"]),
  ];
}

interface Work {
  readonly problem?: Problem | undefined;
  readonly older?: boolean;
}

/** The list, and what goes on with it: back at a click, forward while it is live. */
function useRecords(filters: Filters, live: boolean) {
  const [asked, ask] = useState(0);
  const key = `records?${JSON.stringify([kLoaded.map((name) => filters[name] ?? ""), asked])}`;
  const first = useResource(key, (signal) => newest(key, filters, signal));
  const [found, show] = useState<Found>();
  const [work, say] = useState<Work>({});
  const running = useRef<AbortController | undefined>(undefined);
  const current = useRef(found);
  current.current = found;

  // What came by itself anew (after a break) is not taken: one would lose where one was.
  useEffect(() => {
    if (first.data && first.data.key === key && current.current?.key !== key) show(first.data);
  }, [first.data]);
  useEffect(() => {
    say({});
    return () => { running.current?.abort(); running.current = undefined; };
  }, [key]);

  const go = async (how: (signal: AbortSignal, now: Found) => Promise<Found>, next: Work) => {
    const now = current.current;
    if (running.current || !now) return;
    const mine = (running.current = new AbortController());
    say(next);
    try {
      const got = await how(mine.signal, now);
      if (running.current === mine) { show(got); say({}); }
    } catch (error) {
      if (running.current === mine) say({ problem: asProblem(error) });
    } finally {
      if (running.current === mine) running.current = undefined;
    }
  };
  const sums = sample.value?.topics;
  useEffect(() => {
    if (live && sums && found?.key === key && newer(found, sums, filters).length > 0) void go((signal, now) => follow(now, sums, filters, signal), {});
  }, [live, sums, found?.key === key]);

  return {
    // Rows that other filters meant are shown while the new ones come, not beside what went wrong.
    found: found?.key === key || first.loading ? found : undefined,
    problem: found?.key === key ? work.problem : first.problem,
    loading: found?.key !== key ? first.loading : work.older ?? false,
    reload: () => (found?.key === key ? ask(asked + 1) : first.reload()),
    more: () => void go((signal, now) => older(now, filters, signal), { older: true }),
  };
}

function EventDrawer({ place, onClose }: { place: string; onClose: () => void }) {
  const parts = place.split("/");
  const { data: row, problem, reload } = useEvent(parts);
  return (
    <Drawer title={row?.type ?? "Event"} onClose={onClose} actions={row && <a class="button" href={placeHref(row)}>Its own page</a>}>
      {problem && <ErrorBox problem={problem} retry={reload} />}
      {!row && !problem && <div class="empty" role="status">Loading …</div>}
      {row && <EventBody row={row} id={row.id} />}
    </Drawer>
  );
}

function EventList() {
  const { filters } = useRoute();
  const { topic, header, range, open } = filters;
  const parsed = parseRange(range);
  const ended = (parsed?.kind === "between" && parsed.to !== null) || Boolean(topic && filters["offset"]);
  const live = filters["live"] === "1" && !ended;
  const topics = useResource("topics", (signal) => get("/admin/v1/topics", { signal }));
  const { found, problem, loading, reload, more } = useRecords(filters, live);
  const loaded = found?.rows;
  const rows = header && loaded ? loaded.filter((row) => headerMatches(row.headers, header)) : loaded;
  const came = found && !live && !ended ? newer(found, sample.value?.topics, filters).reduce((sum, [, amount]) => sum + amount, 0) : 0;
  const left = found !== undefined && (found.left.length > 0 || found.held.length > 0);
  const names = topics.data?.items.map(({ name }) => name) ?? (topic ? [topic] : []);
  if (topic && !names.includes(topic)) names.push(topic);
  const narrowed = header || kLoaded.some((name) => filters[name]);
  return (
    <>
      <PageHead title="Events" words={words(filters, live)}
        aside={live && (paused.value ? <Badge tone="warning">live, but paused</Badge> : <Badge tone="good">live</Badge>)}
        actions={
          <button type="button" class={`button${live ? "" : " primary"}`} disabled={ended} title={ended ? "What is looked at has an end" : undefined}
            onClick={() => setFilters({ live: live ? null : 1 }, { push: true })}>{live ? "Stop" : "Live tail"}</button>
        } />
      <div class="event-filters"><FilterBar label="Which events">
        <ChoiceFilter name="topic" label="Topic" choices={[["", "all but dead letters"], ...names.map((name) => [name, name] as const)]} />
        <TimeRange />
        <TextFilter name="tenant" label="Tenant" placeholder="all" pattern={kTenant} />
        <TextFilter name="type" label="Type" placeholder="all" />
        <TextFilter name="key" label="Key" placeholder="all" />
        <TextFilter name="header" label="Header" placeholder="name=value" />
        {topic && <TextFilter name="partition" label="Partition" placeholder="all" pattern={kNumber} />}
        {topic && <TextFilter name="offset" label="Up to offset" placeholder="the end" pattern={kNumber} />}
      </FilterBar></div>
      <div class="event-bar">
        <span class="muted" role="status">
          {rows && loaded && (header
            ? `${count(rows.length)} of the ${several(loaded.length, "record")} loaded here have such a header`
            : `${several(rows.length, "record")}, newest first${live ? `; the last ${count(kMostRows)} are kept` : ""}`)}
        </span>
        {found !== undefined && found.leftOut > 0 && <Badge tone="warning" title="More came at once than is shown: the log has them">{`${count(found.leftOut)} left out`}</Badge>}
        {came > 0 && <button type="button" class="button small" onClick={reload}>{`${count(came)} newer${isFiltered(filters) || filters["partition"] ? " to look through" : ""}`}</button>}
        <span class="spread" />
        {session.value?.may_export && rows && rows.length > 0 && (
          <span class="event-bar">
            <span class="muted">Export</span>
            {Object.entries(kExports).map(([name, [type, text]]) => (
              <button key={name} type="button" class="button small"
                onClick={() => saveFile(`events-${new Date().toISOString().slice(0, 19).replace(/\D/g, "")}.${name.toLowerCase()}`, type, text(rows))}>{name}</button>
            ))}
          </span>
        )}
      </div>
      <Table label="Records, newest first" columns={kColumns} rows={rows} rowKey={placeKey} rowLink={(row) => hrefWith({ open: placeKey(row) })}
        current={open} loading={loading} problem={problem} retry={reload}
        empty={left ? "None so far: there is older to look through."
          : narrowed ? <>No such event. <button type="button" class="button small" onClick={() => setFilters(Object.fromEntries(["header", ...kLoaded].map((name) => [name, null])), { push: true })}>Show all</button></>
            : <>Nothing was published yet: <code>mesh events publish</code> does.</>} />
      {found && !live && (
        <div class="event-bar">
          {left ? <button type="button" class="button" disabled={loading} onClick={more}>{loading ? "Loading …" : "Older"}</button>
            : rows && rows.length > 0 && <span class="muted">This is the oldest that is kept{parsed ? " in this time" : ""}.</span>}
        </div>
      )}
      {open && <EventDrawer key={open} place={open} onClose={() => setFilters({ open: null, view: null }, { push: true })} />}
    </>
  );
}

export function EventsPage() {
  const { parts } = useRoute();
  return parts.length > 1 ? <EventPage key={parts.join("/")} parts={parts} /> : <EventList />;
}
