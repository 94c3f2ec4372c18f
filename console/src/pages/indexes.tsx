// Generations of the indexes: which serves, which is being built, and what one can do with them.
import type { ComponentChildren } from "preact";
import { get, post } from "../api.ts";
import { Badge, type Tone } from "../components/badge.tsx";
import { ErrorBox } from "../components/error_box.tsx";
import { PageHead } from "../components/page_head.tsx";
import { type Column, Table } from "../components/table.tsx";
import { MeshCommand } from "../copy.tsx";
import { bytes, count, kNothing, percent, several } from "../format.ts";
import { type Resource, useResource } from "../resource.ts";
import { href, hrefWith, useRoute } from "../router.ts";
import { Actions, RebuildButton, holds } from "./indexes_actions.tsx";
import { ComparePage } from "./indexes_compare.tsx";
import { type AnyGeneration, useEvents, useUsers } from "./indexes_data.ts";

const kRoles: Record<AnyGeneration["role"], readonly [Tone, string]> = {
  serving: ["good", "It answers searches."],
  building: ["info", "It is being built from the log, and answers nothing yet."],
  shadow: ["warning", "It follows the log and answers nothing: compare it, then serve or drop it."],
  previous: ["plain", "It served before, and is kept to roll back to."],
};

function Role({ one }: { one: AnyGeneration }) {
  const [tone, meaning] = kRoles[one.role];
  return <Badge tone={tone} title={meaning}>{one.role}{"state" in one && one.state !== "running" && `, ${one.state}`}</Badge>;
}

/** The rebuilds that go on. */
function Rebuilds() {
  const { data } = useResource("rebuilds", (signal) => get("/admin/v1/tasks", { query: { limit: 50 }, signal }), (sample) => sample.tasks.changed);
  return (
    <div role="status" class="stack">
      {data?.items.filter(({ kind, state }) => kind === "rebuild" && (state === "running" || state === "queued")).map(({ id, state, summary, progress: { done, total } }) => (
        <p key={id} class="card answer-head">
          <a href={href("tasks", [id])}>Rebuild {state}</a>
          <progress max={total || 1} value={done} aria-label="Progress" />
          <span>{total ? `${percent(done / total)} of ${count(total)}` : count(done)}</span>
          <span class="muted">{summary}</span>
        </p>
      ))}
    </div>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return <div><dt>{name}</dt><dd>{children}</dd></div>;
}

function Verified() {
  const { data, problem, loading, reload } = useResource("verify", (signal) => post("/admin/v1/indexes/verify", { body: {}, signal }));
  const differs = data && data.missing + data.extra + data.stale > 0;
  return (
    <section class="card stack" aria-busy={loading}>
      <div class="page-actions">
        <h2>Index and log</h2>
        <MeshCommand words={["index", "verify"]} />
        <button type="button" class="button small" disabled={loading} onClick={reload}>Again</button>
        <a class="button small quiet" href={hrefWith({ verify: null })}>Close</a>
      </div>
      {problem && <ErrorBox problem={problem} retry={reload} />}
      <div role="status">{data && (
        <>
          <p>{data.log_events === 0
            ? <Badge tone="warning">the log holds no event of a user</Badge>
            : <Badge tone={differs ? "bad" : "good"}>{differs ? "they differ" : "they agree"}</Badge>} {differs && "What is on its way counts too: verify again once nothing lags. What stays is mended by a rebuild."}</p>
          <dl class="facts">
            <Fact name="In the log">{several(data.expected, "user")} by {several(data.log_events, "event")}</Fact>
            <Fact name="In the index">{count(data.found)}</Fact>
            <Fact name="Missing">{count(data.missing)}</Fact>
            <Fact name="Too many">{count(data.extra)}</Fact>
            <Fact name="Older">{count(data.stale)}</Fact>
          </dl>
          <ul class="muted">{data.examples.map((each) => <li key={each}>{each}</li>)}</ul>
        </>
      )}</div>
    </section>
  );
}

function Generations({ label, found: { data, loading, problem, reload }, sortFilter }: { label: string; found: Resource<{ items: AnyGeneration[] }>; sortFilter?: string }) {
  const all = data?.items ?? [];
  const amount = (one: AnyGeneration) => ("vectors" in one ? one.vectors : one.events);
  const columns: readonly Column<AnyGeneration>[] = [
    { key: "name", head: "Generation", cell: (one) => one.name, sort: (one) => one.name },
    { key: "role", head: "Role", cell: (one) => <Role one={one} />, sort: (one) => one.role },
    { key: "holds", head: sortFilter ? "Events" : "Vectors", align: "end", cell: (one) => count(amount(one)), sort: amount },
    { key: "tenants", head: "Tenants", align: "end", cell: (one) => count(one.tenants), sort: (one) => one.tenants },
    { key: "bytes", head: "Size", align: "end", cell: (one) => bytes(one.bytes), sort: (one) => one.bytes },
    ...(sortFilter ? [] : [{ key: "lag", head: "Lag", align: "end", cell: (one: AnyGeneration) => ("lag" in one ? count(one.lag) : "") } as const]),
    { key: "embedder", head: "Embedder", wide: true, cell: (one) => one.embedder, sort: (one) => one.embedder },
    { key: "do", head: "", align: "end", cell: (one) => <>{"type" in one && one.serving && <RebuildButton type={one.type} small />} <Actions one={one} all={all} done={reload} /></> },
  ];
  return (
    <Table label={label} columns={columns} rows={data?.items} rowKey={(one) => one.name} rowLink={(one) => href("indexes", [one.name])}
      sortFilter={sortFilter} loading={loading} problem={problem} retry={reload} empty="No generation yet." />
  );
}

function List() {
  const { verify } = useRoute().filters;
  return (
    <>
      <PageHead title="Indexes" words={["index", "list"]} actions={
        <>
          <a class="button" href={hrefWith({ verify: 1 })}>Verify</a>
          <a class="button" href={href("indexes", ["compare"])}>Compare</a>
          <RebuildButton />
        </>
      } />
      <Rebuilds />
      {verify && <Verified />}
      <section>
        <h2>Users</h2>
        <Generations label="Generations of the index of users" found={useUsers()} />
      </section>
      <section>
        <div class="page-head"><h2>Events, by type</h2><MeshCommand words={["index", "events"]} /></div>
        <Generations label="Generations of the indexes of events" found={useEvents()} sortFilter="events" />
      </section>
    </>
  );
}

function Details({ name }: { name: string }) {
  const both = [useUsers(), useEvents()] as const;
  const found: Resource<{ items: AnyGeneration[] }> = both.find(({ data }) => data?.items.some((each) => each.name === name)) ?? both.find(({ problem }) => problem) ?? both[0];
  const all = found.data?.items ?? [];
  const one = all.find((each) => each.name === name);
  const type = one && "type" in one ? one.type : undefined;
  return (
    <>
      <PageHead title={name} back={{ to: href("indexes"), title: "Indexes" }} words={["index", type ? "events" : "list", "-o", "wide"]} aside={one && <Role one={one} />}
        actions={one && (
          <>
            <a class="button" href={href("search", [], { type, [one.serving ? "generation" : "beside"]: name })}>Search</a>
            {!type && !one.serving && one.role !== "building" && <a class="button" href={href("indexes", ["compare"], { generation: one.number })}>Compare</a>}
            {one.serving && <RebuildButton {...(type && { type })} />}
            <Actions one={one} all={all} done={found.reload} />
          </>
        )} />
      {found.problem && <ErrorBox problem={found.problem} retry={found.reload} stale={one !== undefined} />}
      <Rebuilds />
      {one ? (
        <section class="card stack">
          <p>{kRoles[one.role][1]}</p>
          <dl class="facts">
            {type && <Fact name="Type">{type}</Fact>}
            <Fact name="Holds">{holds(one)} of {several(one.tenants, "tenant")}, {bytes(one.bytes)}</Fact>
            <Fact name="Embedder">{one.embedder}</Fact>
            <Fact name="Dimensions">{count(one.dimension)}</Fact>
            <Fact name="Model">{one.model ?? kNothing}</Fact>
            {"lag" in one && <Fact name="Lag">{several(one.lag, "event")}, {one.state}</Fact>}
          </dl>
        </section>
      ) : !found.problem && <p class="card empty" role="status">{both.some(({ loading }) => loading) ? "Loading …" : "There is no such generation: it may have been dropped."}</p>}
    </>
  );
}

export function IndexesPage() {
  const [part] = useRoute().parts;
  if (part === undefined) return <List />;
  return part === "compare" ? <ComparePage /> : <Details key={part} name={part} />;
}
