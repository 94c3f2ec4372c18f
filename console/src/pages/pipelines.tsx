// What reads the log: how far behind each group is, what holds it up, and where it stands.
import { useEffect, useState } from "preact/hooks";
import { type Schemas, del, get, post } from "../api.ts";
import { Badge, type Tone } from "../components/badge.tsx";
import { ConfirmDialog } from "../components/confirm_dialog.tsx";
import { ErrorBox } from "../components/error_box.tsx";
import { Field } from "../components/field.tsx";
import { PageHead } from "../components/page_head.tsx";
import { type Column, Table } from "../components/table.tsx";
import { TaskOutcome, followTask } from "../components/task_outcome.tsx";
import { Tile, Tiles } from "../components/tiles.tsx";
import { toast } from "../components/toast.tsx";
import type { GroupSample, Sample } from "../contract.ts";
import { count, duration, kNothing, several } from "../format.ts";
import { sample } from "../live.ts";
import { useResource } from "../resource.ts";
import { href, navigate, useRoute } from "../router.ts";
import { mayChange } from "../session.ts";
import { zone } from "../time.ts";
import { type Move, type SeekKind, boundOf, touched, touchedText } from "./seek.ts";

type Group = Schemas["Group"];
type Partition = Schemas["GroupPartition"];

const kBreakers: Readonly<Record<string, Tone>> = { closed: "good", half_open: "warning", open: "bad" };

function stateTone(state: string): Tone {
  return state === "running" ? "good" : state === "inactive" ? "plain" : /^fail/.test(state) ? "bad" : "warning";
}
function State({ state }: { state: string }) {
  return <Badge tone={stateTone(state)}>{state}</Badge>;
}
function Breaker({ now }: { now: GroupSample | undefined }) {
  return now?.breaker ? <Badge tone={kBreakers[now.breaker] ?? "plain"}>{now.breaker.replace("_", " ")}</Badge> : <>{kNothing}</>;
}
function liveOf(now: Sample | undefined, group: string): GroupSample | undefined {
  return now?.groups?.find((each) => each.group === group);
}

interface Row extends Group {
  readonly now: GroupSample | undefined;
  readonly fed: readonly string[];
}

const kColumns: readonly Column<Row>[] = [
  { key: "group", head: "Pipeline", cell: (row) => row.group, sort: (row) => row.group },
  { key: "state", head: "State", cell: (row) => <State state={row.state} />, sort: (row) => row.state },
  { key: "lag", head: "Lag", align: "end", help: "Events not yet processed", cell: (row) => count(row.lag), sort: (row) => row.lag },
  { key: "behind", head: "Behind", align: "end", help: "How long the oldest of them waits", cell: (row) => duration(row.now?.lag_seconds), sort: (row) => row.now?.lag_seconds ?? null },
  { key: "parked", head: "Parked", align: "end", help: "Events that wait for another try", cell: (row) => count(row.now?.parked), sort: (row) => row.now?.parked ?? null },
  { key: "breaker", head: "Breaker", cell: (row) => <Breaker now={row.now} />, sort: (row) => row.now?.breaker ?? null },
  { key: "holds", head: "Holds", align: "end", help: "Events beyond their retention that are kept for it", cell: (row) => count(row.holds), sort: (row) => row.holds },
  { key: "fed", head: "Read by", help: "The processes that read with it", cell: (row) => row.fed.join(", ") || <span class="muted">nobody</span>, sort: (row) => row.fed.join() },
  { key: "topics", head: "Topics", cell: (row) => row.topics.map((topic) => <a key={topic} href={href("events", [], { topic })}>{topic} </a>) },
];

function GroupList() {
  const { data, problem, loading, reload } = useResource("groups", async (signal) => {
    const [groups, members] = await Promise.all([get("/admin/v1/groups", { signal }), get("/admin/v1/members", { signal })]);
    return groups.items.map((group) => ({ ...group, fed: members.items.filter(({ feeds }) => feeds.includes(group.group)).map(({ id }) => id) }));
  }, (now) => now.groups?.map(({ group, lag, state }) => [group, lag, state]));
  const rows = data?.map((group) => {
    const now = liveOf(sample.value, group.group);
    return { ...group, now, lag: now?.lag ?? group.lag, state: now?.state ?? group.state };
  });
  return (
    <>
      <PageHead title="Pipelines" words={["groups", "list"]} />
      <Table label="Pipelines" columns={kColumns} rows={rows} rowKey={(row) => row.group} rowLink={(row) => href("pipelines", [row.group])}
        loading={loading} problem={problem} retry={reload} empty="No group reads the log yet." />
    </>
  );
}

const kPartitions: readonly Column<Partition>[] = [
  { key: "topic", head: "Topic", wide: true, cell: ({ topic }) => <a href={href("events", [], { topic })}>{topic}</a>, sort: ({ topic }) => topic },
  { key: "partition", head: "Partition", align: "end", cell: ({ partition }) => partition, sort: ({ partition }) => partition },
  {
    key: "committed", head: "Committed", align: "end", help: "The group goes on here", sort: ({ committed }) => committed,
    cell: ({ topic, partition, committed, end }) => committed < end ? <a href={href("events", [topic, String(partition), String(committed)])}>{count(committed)}</a> : count(committed),
  },
  { key: "end", head: "End", align: "end", help: "The offset of the next event", cell: ({ end }) => count(end), sort: ({ end }) => end },
  { key: "lag", head: "Lag", align: "end", cell: ({ lag }) => count(lag), sort: ({ lag }) => lag },
];

const kMoves: readonly Column<Move>[] = [
  { key: "place", head: "Partition", cell: ({ topic, partition }) => `${topic}/${partition}` },
  { key: "from", head: "Stands at", align: "end", cell: ({ from }) => count(from) },
  { key: "to", head: "Goes to", align: "end", cell: ({ to }) => count(to) },
  { key: "by", head: "", align: "end", cell: ({ from, to }) => from === to ? <span class="muted">stays</span> : to < from ? `${count(from - to)} again` : <span class="bad-text">{count(to - from)} left out</span> },
];

const kTo: readonly (readonly [SeekKind, string])[] = [["start", "the start"], ["end", "the end"], ["ago", "so long ago"], ["time", "a time"], ["offset", "an offset"]];

/** A value once it has stayed for a moment, for what is asked of the server while one types. */
function useSettled<T>(value: T): T {
  const [settled, settle] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => settle(value), 300);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

function SeekDialog({ group, onClose, reload }: { group: Schemas["GroupDetails"]; onClose: () => void; reload: () => void }) {
  const name = group.group;
  const [kind, choose] = useState<SeekKind>("ago");
  const [typed, type] = useState("1h");
  const [topic, chooseTopic] = useState("");
  const [partition, choosePartition] = useState("");
  const to = boundOf(kind, typed, kind === "time" && typed !== "" ? Date.parse(zone.value === "utc" ? `${typed}Z` : typed) || null : null);
  const body = JSON.stringify({ to, ...(topic && { topic }), ...(partition && { partition: Number(partition) }) });
  const settled = useSettled(to === null ? "" : body);
  const asked = JSON.parse(body) as Schemas["Seek"];
  const { data, problem, loading } = useResource(settled === "" ? null : `seek ${name}?${settled}`, (signal) =>
    post("/admin/v1/groups/{group}/seek", { path: { group: name }, body: { ...(JSON.parse(settled) as Schemas["Seek"]), dry_run: true }, signal }));
  const moves = data && "partitions" in data && settled === body && !loading ? data.partitions : undefined;
  const sum = moves && touched(moves);
  const numbers = [...new Set(group.partitions.filter((each) => !topic || each.topic === topic).map((each) => each.partition))].sort((one, other) => one - other);
  return (
    <ConfirmDialog title={`Move ${name}?`} action="Move it" wide onClose={onClose} disabled={!sum || sum.again + sum.leftOut === 0}
      words={["groups", "seek", name, "--to", to ?? "…", ...(topic ? ["--topic", topic] : []), ...(partition ? ["--partition", partition] : []), "--yes"]}
      run={async () => {
        const answer = await post("/admin/v1/groups/{group}/seek", { path: { group: name }, body: asked });
        if ("id" in answer) followTask(answer.id, "The move");
        else toast(`${name} is moved. ${touchedText(touched(answer.partitions))}`);
        reload();
      }}>
      <div class="filters">
        <Field label="To">
          <select value={kind} onChange={(event) => { choose(event.currentTarget.value as SeekKind); type(""); }}>
            {kTo.map(([value, text]) => <option key={value} value={value} selected={value === kind}>{text}</option>)}
          </select>
        </Field>
        {kind === "offset" && <Field label="Offset"><input inputMode="numeric" value={typed} onInput={(event) => type(event.currentTarget.value.trim())} /></Field>}
        {kind === "ago" && <Field label="How long"><input value={typed} placeholder="1h30m" aria-invalid={typed !== "" && to === null} onInput={(event) => type(event.currentTarget.value.trim())} /></Field>}
        {kind === "time" && <Field label={`Time (${zone.value === "utc" ? "UTC" : "local"})`}><input type="datetime-local" step={1} value={typed} onInput={(event) => type(event.currentTarget.value)} /></Field>}
        {group.topics.length > 1 && (
          <Field label="Topic">
            <select value={topic} onChange={(event) => chooseTopic(event.currentTarget.value)}>
              <option value="">all</option>
              {group.topics.map((each) => <option key={each} value={each}>{each}</option>)}
            </select>
          </Field>
        )}
        <Field label="Partition">
          <select value={partition} onChange={(event) => choosePartition(event.currentTarget.value)}>
            <option value="">all</option>
            {numbers.map((each) => <option key={each} value={String(each)}>{each}</option>)}
          </select>
        </Field>
      </div>
      {problem && <ErrorBox problem={problem} />}
      {moves && <p role="status"><strong>{touchedText(touched(moves))}</strong></p>}
      {moves && moves.length > 0 && <Table label="What would be moved" columns={kMoves} rows={moves} rowKey={(move) => `${move.topic}/${move.partition}`} sortFilter="moves" />}
      {!moves && !problem && <p class="muted" role="status">{to === null ? "Say where to." : "Trying it dry …"}</p>}
      <p class="muted">It goes on while one looks, so that these are about the numbers. To run it again without moving it: <code>mesh events replay</code>.</p>
    </ConfirmDialog>
  );
}

function GroupActions({ group, reload }: { group: Schemas["GroupDetails"]; reload: () => void }) {
  const [asking, ask] = useState<"seek" | "delete" | null>(null);
  if (!mayChange()) return null;
  return (
    <>
      <button type="button" class="button" onClick={() => ask("seek")}>Move …</button>
      {!group.active && <button type="button" class="button danger" onClick={() => ask("delete")}>Delete …</button>}
      {asking === "seek" && <SeekDialog group={group} onClose={() => ask(null)} reload={reload} />}
      {asking === "delete" && (
        <ConfirmDialog title={`Delete ${group.group}?`} action="Delete the group" words={["groups", "delete", group.group, "--yes"]} onClose={() => ask(null)}
          run={async () => {
            await del("/admin/v1/groups/{group}", { path: { group: group.group } });
            toast(`${group.group} is deleted`);
            navigate(href("pipelines"), { replace: true });
          }}>
          <p>
            Of its topics {several(group.lag, "event")} are not processed by it, and may then expire ({count(group.holds)} are due).
            Should it be opened again, it begins at the start.
          </p>
        </ConfirmDialog>
      )}
    </>
  );
}

function GroupPage({ name }: { name: string }) {
  const { data: group, problem, loading, reload } = useResource(`group ${name}`, (signal) => get("/admin/v1/groups/{group}", { path: { group: name }, signal }),
    (now) => [liveOf(now, name), now.tasks.changed]);
  const { task } = useRoute().filters;
  const now = liveOf(sample.value, name);
  const lag = now?.lag ?? group?.lag;
  const parked = now?.parked ?? group?.parked;
  return (
    <>
      <PageHead title={name} back={{ to: href("pipelines"), title: "Pipelines" }} words={["groups", "describe", name]}
        aside={group && <State state={now?.state ?? group.state} />} actions={group && <GroupActions group={group} reload={reload} />} />
      {task && <TaskOutcome key={task} id={task} />}
      {problem && !group && <ErrorBox problem={problem} retry={reload} />}
      {group && (
        <>
          <Tiles label="How it does">
            <Tile name="Lag" figure={count(lag)} unit={lag === 1 ? "event" : "events"} note="not yet processed" />
            <Tile name="Behind" figure={duration(now?.lag_seconds ?? group.lag_seconds)} note="the oldest waits" />
            <Tile name="Parked" figure={count(parked)} note="wait for another try" tone={parked ? "warning" : "plain"} />
            <Tile name="Breaker" figure={now?.breaker?.replace("_", " ") ?? kNothing} tone={now?.breaker ? kBreakers[now.breaker] : "plain"} />
            <Tile name="Holds" figure={count(group.holds)} note="kept beyond retention" />
            <Tile name="Passed over" figure={count(group.passed_over)} note="gone before it read them" tone={group.passed_over > 0 ? "bad" : "plain"} />
          </Tiles>
          <section class="card">
            <dl class="facts">
              <div><dt>Read by</dt><dd>{group.members.join(", ") || "nobody"}</dd></div>
              <div><dt>Last error</dt><dd>{group.last_error || kNothing}</dd></div>
              <div><dt>Dead letters</dt><dd>{group.topics.map((topic) => <div key={topic}><a href={href("dead-letters", [`${topic}.dlq`])}>{topic}.dlq</a></div>)}</dd></div>
            </dl>
          </section>
          <Table label="Partitions" columns={kPartitions} rows={group.partitions} rowKey={({ topic, partition }) => `${topic}/${partition}`}
            loading={loading} problem={problem} retry={reload} empty="It has read nothing yet." />
        </>
      )}
    </>
  );
}

export function PipelinesPage() {
  const [name] = useRoute().parts;
  return name === undefined ? <GroupList /> : <GroupPage key={name} name={name} />;
}
