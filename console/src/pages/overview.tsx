// The mesh at a glance: what needs somebody first, then figures, the last hour, and what it runs on.
import { useMemo } from "preact/hooks";
import { get } from "../api.ts";
import { Badge } from "../components/badge.tsx";
import { ErrorBox } from "../components/error_box.tsx";
import { PageHead } from "../components/page_head.tsx";
import { Plot } from "../components/plot.tsx";
import { Tile, Tiles } from "../components/tiles.tsx";
import { type Column, Table } from "../components/table.tsx";
import { Time } from "../components/time.tsx";
import { MeshCommand } from "../copy.tsx";
import { type Attention, type GroupSample, type Overview, type Sample, type Series } from "../contract.ts";
import { count, duration, rate, shortCount } from "../format.ts";
import { attention, sample, samples } from "../live.ts";
import { useResource } from "../resource.ts";
import { href } from "../router.ts";
import { withTimes } from "../time.ts";

const kHour = 3_600_000;
const kEnginesEvery = 30_000;

type History = Overview["history"];

/** The server's history and the samples that came since, of the last hour. */
export function joined(history: History, since: readonly Sample[]): History {
  const last = history.time[history.time.length - 1] ?? 0;
  const newer = since.filter(({ time }) => Date.parse(time) > last);
  const time = [...history.time, ...newer.map((each) => Date.parse(each.time))];
  const first = time.findIndex((at) => at >= (time[time.length - 1] ?? 0) - kHour);
  const series = { ...history.series };
  for (const name of Object.keys(series) as (keyof Series)[]) {
    series[name] = [...series[name], ...newer.map((each) => each[name])].slice(Math.max(first, 0));
  }
  return { time: time.slice(Math.max(first, 0)), series };
}

function AttentionList({ list }: { list: readonly Attention[] }) {
  if (list.length === 0) return <p class="calm"><Badge tone="good">Nothing needs you</Badge></p>;
  return (
    <ul class="attention" aria-label="What needs attention">
      {list.map((each) => (
        <li key={each.what} class={each.severity}>
          <Badge tone={each.severity === "critical" ? "bad" : "warning"}>{each.severity}</Badge>
          <div>
            {/* Only to a place of the console: the text is the server's. */}
            {each.page.startsWith("#/") ? <a href={each.page}>{each.what}</a> : <strong>{each.what}</strong>}
            <p class="muted">{withTimes(each.why)}</p>
          </div>
          {each.next && <MeshCommand line={each.next} />}
        </li>
      ))}
    </ul>
  );
}

function GroupState({ group: { state, breaker } }: { group: GroupSample }) {
  if (breaker !== "closed") return <Badge tone="bad">breaker {breaker.replace("_", " ")}</Badge>;
  return <Badge tone={state === "running" ? "good" : "warning"}>{state}</Badge>;
}

const kGroups: readonly Column<GroupSample>[] = [
  { key: "group", head: "Group", cell: (each) => each.group, sort: (each) => each.group },
  { key: "state", head: "State", cell: (each) => <GroupState group={each} /> },
  { key: "lag", head: "Behind", align: "end", cell: (each) => count(each.lag), sort: (each) => each.lag },
  { key: "seconds", head: "For", align: "end", cell: (each) => duration(each.lag_seconds), sort: (each) => each.lag_seconds },
  { key: "parked", head: "Parked", align: "end", cell: (each) => count(each.parked), sort: (each) => each.parked },
];

export function OverviewPage() {
  const { data, problem, loading, reload } = useResource(
    "overview",
    (signal) => get("/admin/v1/overview", { signal }),
    // Engines are not in the samples.
    (at) => Math.floor(Date.parse(at.time) / kEnginesEvery),
  );
  const at = sample.value ?? data?.sample;
  const since = samples.value;
  const history = useMemo(() => data && joined(data.history, since), [data, since]);
  const head = (
    <PageHead title="Overview" words={["check"]}
      aside={data && <span class="muted">meshd {data.version}, started <Time at={data.started_at} /></span>} />
  );
  if (!data || !at || !history) return <>{head}{problem ? <ErrorBox problem={problem} retry={reload} /> : loading && <p role="status" class="muted">Loading …</p>}</>;
  const { time, series } = history;
  const perSecond = (value: number | null) => `${rate(value)}/s`;
  return (
    <>
      {head}
      {problem && <ErrorBox problem={problem} retry={reload} stale />}
      <AttentionList list={attention.value ?? data.attention} />
      <Tiles label="Just now">
        <Tile name="Events" figure={rate(at.events)} unit="/s" to={href("events")} />
        <Tile name="Searches" figure={rate(at.searches)} unit="/s" to={href("search")} note={`p99 ${duration(at.search_p99)}`} />
        <Tile name="Requests" figure={rate(at.requests)} unit="/s" note={`${rate(at.errors)}/s failed`} tone={at.errors ? "warning" : undefined} />
        <Tile name="Behind" figure={count(at.lag)} note={duration(at.lag_seconds)} to={href("pipelines")} tone={(at.lag_seconds ?? 0) > 60 ? "warning" : undefined} />
        <Tile name="Dead letters" figure={count(at.dead_letters)} to={href("dead-letters")} tone={at.dead_letters ? "bad" : undefined} />
        <Tile name="Parked" figure={count(at.parked)} to={href("pipelines")} tone={at.parked ? "warning" : undefined} />
        <Tile name="Outbox" figure={count(at.outbox)} />
        <Tile name="Tasks" figure={count(at.tasks.running)} note="running" to={href("tasks")} />
      </Tiles>
      <div class="plots">
        <Plot title="Events" time={time} figure={perSecond} tick={shortCount} series={[{ label: "events", values: series.events }]} />
        <Plot title="Searches" time={time} figure={perSecond} tick={shortCount} series={[{ label: "searches", values: series.searches, colour: 2 }]} />
        <Plot title="Latency" time={time} figure={duration} series={[
          { label: "search p50", values: series.search_p50, colour: 2 },
          { label: "search p99", values: series.search_p99, colour: 3 },
          { label: "publish p99", values: series.publish_p99, colour: 4 },
        ]} />
        <Plot title="Requests" time={time} figure={perSecond} tick={shortCount} series={[
          { label: "all", values: series.requests, colour: 1 },
          { label: "failed", values: series.errors, colour: 5 },
        ]} />
        <Plot title="Behind" time={time} figure={count} tick={shortCount} series={[{ label: "events", values: series.lag, colour: 3 }]} />
        <Plot title="Waiting" time={time} figure={count} tick={shortCount} series={[
          { label: "dead letters", values: series.dead_letters, colour: 5 },
          { label: "outbox", values: series.outbox, colour: 6 },
        ]} />
      </div>
      <div class="columns">
        <section>
          <h2>Pipelines</h2>
          <Table label="Pipelines" columns={kGroups} rows={at.groups} rowKey={(each) => each.group} rowLink={(each) => href("pipelines", [each.group])} />
        </section>
        <section>
          <h2>Engines</h2>
          <ul class="engines card">
            {data.engines.map((each) => (
              <li key={each.name}>
                <Badge tone={!each.ok ? "bad" : each.warning ? "warning" : "good"}>{!each.ok ? "fails" : each.warning ? "look" : "ok"}</Badge>
                <strong>{each.name}</strong>
                <span class="muted">{each.detail}</span>
              </li>
            ))}
          </ul>
        </section>
      </div>
    </>
  );
}
