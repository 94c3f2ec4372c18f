// Generations of the indexes: which serves, which is being built, and what one can do with them.
import { type Schemas, get, post } from "../api.ts";
import { Badge, type Tone } from "../components/badge.tsx";
import { ErrorBox } from "../components/error_box.tsx";
import { PageHead } from "../components/page_head.tsx";
import { type Column, Table } from "../components/table.tsx";
import type { Sample } from "../contract.ts";
import { MeshCommand } from "../copy.tsx";
import { bytes, count, kNothing, percent, several } from "../format.ts";
import { type Resource, useResource } from "../resource.ts";
import { href, hrefWith, useRoute } from "../router.ts";
import { DropButton, type EventGeneration, type Generation, RebuildButton, RollBackButton, RollBackEventsButton, ServeButton } from "./indexes_actions.tsx";
import { ComparePage } from "./indexes_compare.tsx";

const kTones: Record<string, Tone> = { serving: "good", building: "info", shadow: "warning", previous: "plain" };
const depends = (sample: Sample) => [sample.tasks.changed, sample.topics];

function useUsers() {
  return useResource("generations", (signal) => get("/admin/v1/indexes", { signal }), depends);
}
function useEvents() {
  return useResource("event generations", (signal) => get("/admin/v1/indexes/events", { signal }), depends);
}

function Role({ role, state }: { role: string; state?: string }) {
  return <Badge tone={kTones[role] ?? "plain"} title={state}>{role}{state && state !== "running" ? ` · ${state}` : ""}</Badge>;
}

/** The rebuilds that go on, in place. */
function Rebuilds() {
  const { data } = useResource("rebuilds", (signal) => get("/admin/v1/tasks", { query: { limit: 50 }, signal }), (sample) => sample.tasks.changed);
  const running = data?.items.filter((task) => task.kind === "rebuild" && (task.state === "running" || task.state === "queued")) ?? [];
  return (
    <div role="status" class="stack">
      {running.map(({ id, state, summary, progress: { done, total } }) => (
        <a key={id} class="card rebuild" href={href("tasks", [id])}>
          <Badge tone="info">rebuild {state}</Badge>
          <progress max={total || 1} {...(total || state === "queued" ? { value: done } : {})} aria-label="Progress" />
          <span>{total ? `${percent(done / total)}, ${count(done)} of ${count(total)}` : count(done)}</span>
          <span class="muted">{summary}</span>
        </a>
      ))}
    </div>
  );
}

function Verified() {
  const { data, problem, loading, reload } = useResource("verify", (signal) => post("/admin/v1/indexes/verify", { body: {}, signal }));
  const bad = data && data.missing + data.extra + data.stale;
  return (
    <section class="card stack" aria-label="Verification" aria-busy={loading}>
      {problem && <ErrorBox problem={problem} retry={reload} stale={data !== undefined} />}
      {!data && !problem && <p role="status">Comparing the serving generation with the log …</p>}
      {data && (
        <>
          <p role="status">
            {data.log_events === 0 ? <Badge tone="warning">nothing to compare with</Badge> : <Badge tone={bad ? "bad" : "good"}>{bad ? "differs" : "as the log has it"}</Badge>}{" "}
            {data.log_events === 0 ? "The log holds no event of a user." : `${several(data.log_events, "event")} of users say that ${several(data.expected, "user")} should be searchable; ${count(data.found)} are.`}
          </p>
          <dl class="facts">
            <div><dt>Missing</dt><dd>{count(data.missing)}</dd></div>
            <div><dt>Too many</dt><dd>{count(data.extra)}</dd></div>
            <div><dt>Older</dt><dd>{count(data.stale)}</dd></div>
          </dl>
          {data.examples.length > 0 && <ul class="muted">{data.examples.map((each) => <li key={each}>{each}</li>)}</ul>}
          {bad ? <p>What is still on its way counts too: verify again once nothing lags. What stays is mended by a rebuild.</p> : null}
        </>
      )}
      <div class="page-actions">
        <MeshCommand words={["index", "verify"]} />
        <button type="button" class="button" disabled={loading} onClick={reload}>Again</button>
        <a class="button quiet" href={hrefWith({ verify: null })}>Close</a>
      </div>
    </section>
  );
}

function userColumns(all: readonly Generation[], done: () => void): readonly Column<Generation>[] {
  return [
    { key: "name", head: "Generation", cell: (each) => each.name, sort: (each) => each.number },
    { key: "role", head: "Role", cell: (each) => <Role role={each.role} state={each.state} />, sort: (each) => each.role },
    { key: "vectors", head: "Vectors", align: "end", cell: (each) => count(each.vectors), sort: (each) => each.vectors },
    { key: "tenants", head: "Tenants", align: "end", cell: (each) => count(each.tenants), sort: (each) => each.tenants },
    { key: "bytes", head: "Size", align: "end", cell: (each) => bytes(each.bytes), sort: (each) => each.bytes },
    { key: "lag", head: "Lag", align: "end", cell: (each) => count(each.lag), sort: (each) => each.lag, help: "Events that it is behind the log" },
    { key: "embedder", head: "Embedder", wide: true, cell: (each) => each.embedder, sort: (each) => each.embedder },
    { key: "do", head: "", align: "end", cell: (each) => <span class="row-actions"><ServeButton one={each} all={all} small done={done} /><DropButton one={each} small done={done} /></span> },
  ];
}

function eventColumns(all: readonly EventGeneration[], done: () => void): readonly Column<EventGeneration>[] {
  const previous = (type: string) => all.find((each) => each.type === type && each.role === "previous");
  return [
    { key: "name", head: "Generation", cell: (each) => each.name, sort: (each) => each.name },
    { key: "role", head: "Role", cell: (each) => <Role role={each.role} />, sort: (each) => each.role },
    { key: "events", head: "Events", align: "end", cell: (each) => count(each.events), sort: (each) => each.events },
    { key: "tenants", head: "Tenants", align: "end", cell: (each) => count(each.tenants), sort: (each) => each.tenants },
    { key: "bytes", head: "Size", align: "end", cell: (each) => bytes(each.bytes), sort: (each) => each.bytes },
    { key: "embedder", head: "Embedder", wide: true, cell: (each) => each.embedder, sort: (each) => each.embedder },
    { key: "do", head: "", align: "end", cell: (each) => {
      const before = previous(each.type);
      return each.serving && <span class="row-actions"><RebuildButton type={each.type} small done={done} />{before && <RollBackEventsButton previous={before} small done={done} />}</span>;
    } },
  ];
}

function List() {
  const users = useUsers();
  const events = useEvents();
  const verify = useRoute().filters["verify"];
  const all = users.data?.items ?? [];
  return (
    <>
      <PageHead title="Indexes" words={["index", "list"]} actions={
        <>
          <a class="button" href={hrefWith({ verify: 1 })}>Verify</a>
          <a class="button" href={href("indexes", ["compare"])}>Compare</a>
          <RollBackButton all={all} done={users.reload} />
          <RebuildButton done={users.reload} />
        </>
      } />
      <Rebuilds />
      {verify && <Verified />}
      <section>
        <h2>Users</h2>
        <Table label="Generations of the index of users" columns={userColumns(all, users.reload)} rows={users.data?.items} rowKey={(each) => each.name}
          rowLink={(each) => href("indexes", [each.name])} loading={users.loading} problem={users.problem} retry={users.reload} empty="No generation yet: it comes with the first user." />
      </section>
      <section class="stack">
        <div class="page-head"><h2>Events, by type</h2><MeshCommand words={["index", "events"]} /></div>
        <Table label="Generations of the indexes of events" sortFilter="events_sort" columns={eventColumns(events.data?.items ?? [], events.reload)} rows={events.data?.items} rowKey={(each) => each.name}
          rowLink={(each) => href("indexes", [each.name])} loading={events.loading} problem={events.problem} retry={events.reload} empty="No type of events is searchable: a tenant's types or the catalogue say what is." />
      </section>
    </>
  );
}

function Facts({ one, amount }: { one: Generation | EventGeneration; amount: string }) {
  return (
    <dl class="facts">
      <div><dt>Number</dt><dd>{one.number}</dd></div>
      {"type" in one && <div><dt>Type</dt><dd>{one.type}</dd></div>}
      <div><dt>Holds</dt><dd>{amount} of {several(one.tenants, "tenant")}</dd></div>
      <div><dt>Size</dt><dd>{bytes(one.bytes)}</dd></div>
      <div><dt>Embedder</dt><dd>{one.embedder}</dd></div>
      <div><dt>Dimensions</dt><dd>{count(one.dimension)}</dd></div>
      <div><dt>Model</dt><dd>{one.model ? <code>{one.model}</code> : kNothing}</dd></div>
      {"lag" in one && <div><dt>Lag</dt><dd>{several(one.lag, "event")} behind the log</dd></div>}
      {"state" in one && <div><dt>State</dt><dd>{one.state}</dd></div>}
    </dl>
  );
}

const kMeanings: Record<Schemas["Generation"]["role"], string> = {
  serving: "It answers searches.",
  building: "It is being built from the log, and answers nothing yet.",
  shadow: "It follows the log and answers nothing: compare it, then serve or drop it.",
  previous: "It served before, and is kept to roll back to.",
};

function Details({ name }: { name: string }) {
  const users = useUsers();
  const events = useEvents();
  const all = users.data?.items ?? [];
  const user = all.find((each) => each.name === name);
  const event = events.data?.items.find((each) => each.name === name);
  const before = event && events.data?.items.find((each) => each.type === event.type && each.role === "previous");
  const back = { to: href("indexes"), title: "Indexes" };
  const one = user ?? event;
  const trouble = [users, events].find(({ problem }) => problem) as Resource<unknown> | undefined;
  return (
    <>
      <PageHead title={name} back={back} words={["index", event ? "events" : "list", "--output", "wide"]} aside={one && <Role role={one.role} />}
        actions={
          <>
            {one && <a class="button" href={href("search", [], { type: event?.type, ...(one.serving ? { generation: name } : { beside: name }) })}>Search it</a>}
            {user && !user.serving && user.role !== "building" && <a class="button" href={href("indexes", ["compare"], { generation: user.number })}>Compare</a>}
            {user?.serving && <RollBackButton all={all} done={users.reload} />}
            {user?.serving && <RebuildButton done={users.reload} />}
            {user && <ServeButton one={user} all={all} done={users.reload} />}
            {user && <DropButton one={user} done={users.reload} />}
            {event && <RebuildButton type={event.type} done={events.reload} />}
            {before && <RollBackEventsButton previous={before} done={events.reload} />}
          </>
        } />
      {trouble?.problem && <ErrorBox problem={trouble.problem} retry={trouble.reload} stale={one !== undefined} />}
      <Rebuilds />
      {one && <section class="card stack"><p>{kMeanings[one.role]}</p><Facts one={one} amount={user ? several(user.vectors, "vector") : several(event?.events ?? 0, "event")} /></section>}
      {!one && !trouble && <p class="card empty" role="status">{users.data && events.data ? "There is no such generation: it may have been dropped, or not be built yet." : "Loading …"}</p>}
    </>
  );
}

export function IndexesPage() {
  const [part] = useRoute().parts;
  if (part === undefined) return <List />;
  return part === "compare" ? <ComparePage /> : <Details key={part} name={part} />;
}
