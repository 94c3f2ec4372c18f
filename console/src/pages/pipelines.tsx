// What reads the log: how far behind each group is, what holds it up, and where it stands.
import { useState } from "preact/hooks";
import { type Schemas, get, post } from "../api.ts";
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
import { count, duration, kNothing } from "../format.ts";
import { sample } from "../live.ts";
import { useResource } from "../resource.ts";
import { href, useRoute } from "../router.ts";
import { mayChange } from "../session.ts";
import { type Move, isBound, touched, touchedText } from "./seek.ts";

type Group = Schemas["Group"];
type Partition = Schemas["GroupPartition"];

const kBreakers: Readonly<Record<string, Tone>> = { closed: "good", half_open: "warning", open: "bad" };

function stateTone(state: string): Tone {
  return state === "running" ? "good" : state === "inactive" ? "plain" : /^fail/.test(state) ? "bad" : "warning";
}
function State({ state }: { state: string }) {
  return <Badge tone={stateTone(state)}>{state}</Badge>;
}
function Breaker({ live }: { live: GroupSample | undefined }) {
  return live?.breaker ? <Badge tone={kBreakers[live.breaker] ?? "plain"}>{live.breaker.replace("_", " ")}</Badge> : <>{kNothing}</>;
}
function liveOf(now: Sample | undefined, group: string): GroupSample | undefined {
  return now?.groups?.find((each) => each.group === group);
}

interface Row extends Group {
  readonly live: GroupSample | undefined;
  readonly fed: string;
}

// A column of numbers.
function figures<R>(key: string, head: string, of: (row: R) => number | null | undefined, help?: string, shown = count): Column<R> {
  return { key, head, align: "end", cell: (row) => shown(of(row)), sort: (row) => of(row) ?? null, ...(help && { help }) };
}
function TopicLink({ topic }: { topic: string }) {
  return <a href={href("events", [], { topic })}>{topic} </a>;
}

const kColumns: readonly Column<Row>[] = [
  { key: "group", head: "Pipeline", cell: (row) => row.group, sort: (row) => row.group },
  { key: "state", head: "State", cell: (row) => <State state={row.state} />, sort: (row) => row.state },
  figures("lag", "Lag", (row) => row.lag, "Events not yet processed"),
  figures("behind", "Behind", (row) => row.live?.lag_seconds, "How long the oldest of them waits", duration),
  figures("parked", "Parked", (row) => row.live?.parked, "Events that wait for another try"),
  { key: "breaker", head: "Breaker", cell: (row) => <Breaker live={row.live} />, sort: (row) => row.live?.breaker ?? null },
  { key: "fed", head: "Read by", cell: (row) => row.fed || "nobody", sort: (row) => row.fed },
  { key: "topics", head: "Topics", cell: (row) => row.topics.map((topic) => <TopicLink key={topic} topic={topic} />) },
];

function GroupList() {
  const { data, problem, loading, reload } = useResource("groups", async (signal) => {
    const [groups, members] = await Promise.all([get("/admin/v1/groups", { signal }), get("/admin/v1/members", { signal })]);
    return groups.items.map((group) => ({ ...group, fed: members.items.filter(({ feeds }) => feeds.includes(group.group)).map(({ id }) => id).join(", ") }));
  }, (now) => now.groups?.map(({ group, lag, state }) => [group, lag, state]));
  const rows = data?.map((group) => {
    const live = liveOf(sample.value, group.group);
    return { ...group, live, lag: live?.lag ?? group.lag, state: live?.state ?? group.state };
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
  { key: "topic", head: "Topic", wide: true, cell: ({ topic }) => <TopicLink topic={topic} />, sort: ({ topic }) => topic },
  figures("partition", "Partition", ({ partition }) => partition),
  {
    ...figures<Partition>("committed", "Committed", ({ committed }) => committed, "The group goes on here"),
    cell: ({ topic, partition, committed, lag }) => lag > 0 ? <a href={href("events", [topic, String(partition), String(committed)])}>{count(committed)}</a> : count(committed),
  },
  figures("end", "End", ({ end }) => end, "The offset of the next event"),
  figures("lag", "Lag", ({ lag }) => lag),
];

const kMoves: readonly Column<Move>[] = [
  { key: "place", head: "Partition", cell: placeOf },
  figures("from", "Stands at", ({ from }) => from),
  figures("to", "Goes to", ({ to }) => to),
  { key: "by", head: "Events", align: "end", cell: ({ from, to }) => from === to ? "stays" : to < from ? `${count(from - to)} again` : <span class="bad-text">{count(to - from)} left out</span> },
];
function placeOf({ topic, partition }: { topic: string; partition: number }): string {
  return `${topic}/${partition}`;
}

function SeekDialog({ group, onClose, reload }: { group: Schemas["GroupDetails"]; onClose: () => void; reload: () => void }) {
  const name = group.group;
  const [to, choose] = useState("@-1h");
  const [place, limit] = useState("");
  const only = group.partitions.find((each) => placeOf(each) === place);
  const sound = isBound(to);
  const asked = { to, dry_run: false, ...(only && { topic: only.topic, partition: only.partition }) };
  const { data, problem, loading } = useResource(sound ? `seek ${name} ${to} ${place}` : null, (signal) =>
    post("/admin/v1/groups/{group}/seek", { path: { group: name }, body: { ...asked, dry_run: true }, signal }));
  const moves = data && "partitions" in data && !loading ? data.partitions : undefined;
  const sum = moves && touched(moves);
  return (
    <ConfirmDialog title={`Move ${name}?`} action="Move it" wide onClose={onClose} disabled={!sum || sum.again + sum.leftOut === 0}
      words={["groups", "seek", name, "--to", to, ...(only ? ["--topic", only.topic, "--partition", String(only.partition)] : []), "--yes"]}
      run={async () => {
        const answer = await post("/admin/v1/groups/{group}/seek", { path: { group: name }, body: asked });
        if ("id" in answer) followTask(answer.id, "The move");
        else toast(`${name} is moved. ${touchedText(touched(answer.partitions))}`);
        reload();
      }}>
      <div class="filters">
        <Field label="To" hint="start, end, an offset, @TIME or @-1h30m; Enter tries it">
          <input value={to} aria-invalid={!sound} autocomplete="off" spellcheck={false} onChange={(event) => choose(event.currentTarget.value.trim())}
            onKeyDown={(event) => { if (event.key === "Enter") { event.preventDefault(); choose(event.currentTarget.value.trim()); } }} />
        </Field>
        <Field label="Partition">
          <select value={place} onChange={(event) => limit(event.currentTarget.value)}>
            {["", ...group.partitions.map(placeOf)].map((each) => <option key={each} value={each}>{each || "all"}</option>)}
          </select>
        </Field>
      </div>
      {problem && <ErrorBox problem={problem} />}
      {moves && <p role="status"><strong>{touchedText(touched(moves))}</strong></p>}
      {moves && moves.length > 0 && <Table label="What would be moved" columns={kMoves} rows={moves} rowKey={placeOf} sortFilter="moves" />}
      {!moves && !problem && <p class="muted" role="status">{sound && "Trying it dry …"}</p>}
    </ConfirmDialog>
  );
}

function SeekButton({ group, reload }: { group: Schemas["GroupDetails"]; reload: () => void }) {
  const [asking, ask] = useState(false);
  if (!mayChange()) return null;
  return (
    <>
      <button type="button" class="button" onClick={() => ask(true)}>Seek …</button>
      {asking && <SeekDialog group={group} onClose={() => ask(false)} reload={reload} />}
    </>
  );
}

function GroupPage({ name }: { name: string }) {
  const { data: group, problem, loading, reload } = useResource(`group ${name}`, (signal) => get("/admin/v1/groups/{group}", { path: { group: name }, signal }),
    (now) => [liveOf(now, name), now.tasks.changed]);
  const { task } = useRoute().filters;
  const live = liveOf(sample.value, name);
  const lag = live?.lag ?? group?.lag;
  const parked = live?.parked ?? group?.parked;
  return (
    <>
      <PageHead title={name} back={{ to: href("pipelines"), title: "Pipelines" }} words={["groups", "describe", name]}
        aside={group && <State state={live?.state ?? group.state} />} actions={group && <SeekButton group={group} reload={reload} />} />
      {task && <TaskOutcome key={task} id={task} />}
      {problem && !group && <ErrorBox problem={problem} retry={reload} />}
      {group && (
        <>
          <Tiles label="How it does">
            <Tile name="Lag" figure={count(lag)} unit={lag === 1 ? "event" : "events"} note="not yet processed" />
            <Tile name="Behind" figure={duration(live?.lag_seconds ?? group.lag_seconds)} note="the oldest waits" />
            <Tile name="Parked" figure={count(parked)} note="wait for another try" tone={parked ? "warning" : "plain"} />
            <Tile name="Breaker" figure={live?.breaker?.replace("_", " ") ?? kNothing} tone={live?.breaker ? kBreakers[live.breaker] : "plain"} />
          </Tiles>
          <section class="card">
            <dl class="facts">
              <div><dt>Read by</dt><dd>{group.members.join(", ") || "nobody"}</dd></div>
              <div><dt>Holds</dt><dd>{count(group.holds)} beyond retention</dd></div>
              <div><dt>Last error</dt><dd>{group.last_error || kNothing}</dd></div>
              <div><dt>Dead letters</dt><dd>{group.topics.map((topic) => <div key={topic}><a href={href("dead-letters", [`${topic}.dlq`])}>{topic}.dlq</a></div>)}</dd></div>
            </dl>
          </section>
          <Table label="Partitions" columns={kPartitions} rows={group.partitions} rowKey={placeOf}
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
