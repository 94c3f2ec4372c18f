// Generations of the indexes: which serves, which is being built, and what one can do with them.
import { get, post } from "../api.ts";
import { Badge, type Tone } from "../components/badge.tsx";
import { ErrorBox } from "../components/error_box.tsx";
import { PageHead } from "../components/page_head.tsx";
import { type Column, Table } from "../components/table.tsx";
import { MeshCommand } from "../copy.tsx";
import { bytes, count, percent, several } from "../format.ts";
import { type Resource, useResource } from "../resource.ts";
import { href, hrefWith, useRoute } from "../router.ts";
import { Actions, RebuildButton } from "./indexes_actions.tsx";
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
    <>
      {data?.items.filter(({ kind, state }) => kind === "rebuild" && (state === "running" || state === "queued")).map(({ id, state, summary, progress: { done, total } }) => (
        <p key={id} class="card answer-head" role="status">
          <a href={href("tasks", [id])}>Rebuild {state}</a>
          <progress max={total || 1} value={done} aria-label="Progress" />
          <span>{total ? `${percent(done / total)} of ${count(total)}` : count(done)}</span>
          <span class="muted">{summary}</span>
        </p>
      ))}
    </>
  );
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
      <div role="status" class="stack">{data && (
        <>
          <p>
            <Badge tone={differs || !data.log_events ? "bad" : "good"}>{differs ? "they differ" : data.log_events ? "they agree" : "the log holds no event of a user"}</Badge>{" "}
            Of {several(data.expected, "user")} by the log the index holds {count(data.found)}: {count(data.missing)} missing, {count(data.extra)} too many, {count(data.stale)} older.
          </p>
          {differs && <p>What is on its way counts too: verify again once nothing lags. What stays is mended by a rebuild.</p>}
          {data.examples.map((each) => <code key={each}>{each}</code>)}
        </>
      )}</div>
    </section>
  );
}

type Found = Resource<{ items: AnyGeneration[] }>;

/** Of events where there is a `type`. */
function Generations({ found: { data, loading, problem, reload }, type, only }: { found: Found; type?: string | undefined; only?: string }) {
  const all = data?.items ?? [];
  const columns: readonly Column<AnyGeneration>[] = [
    { key: "name", head: "Generation", cell: (one) => one.name },
    { key: "role", head: "Role", cell: (one) => <Role one={one} /> },
    { key: "holds", head: type ? "Events" : "Vectors", align: "end", cell: (one) => count("vectors" in one ? one.vectors : one.events) },
    { key: "tenants", head: "Tenants", align: "end", cell: (one) => count(one.tenants) },
    { key: "bytes", head: "Size", align: "end", cell: (one) => bytes(one.bytes) },
    ...(type ? [] : [{ key: "lag", head: "Lag", align: "end", cell: (one: AnyGeneration) => ("lag" in one ? count(one.lag) : "") } as const]),
    { key: "embedder", head: "Embedder", wide: true, cell: (one) => one.embedder },
    { key: "do", head: "Actions", align: "end", cell: (one) => <>{"type" in one && one.serving && <RebuildButton type={one.type} small />} <Actions one={one} all={all} done={reload} /></> },
  ];
  return (
    <Table label={`Generations of ${type ?? "users"}`} columns={columns} rows={data?.items.filter(({ name }) => !only || name === only)} rowKey={(one) => one.name} rowLink={(one) => href("indexes", [one.name])}
      loading={loading} problem={problem} retry={reload} empty="No such generation: it is not built yet, or was dropped." />
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
        <Generations found={useUsers()} />
      </section>
      <section class="stack">
        <div class="page-head"><h2>Events, by type</h2><MeshCommand words={["index", "events"]} /></div>
        <Generations found={useEvents()} type="events" />
      </section>
    </>
  );
}

function Details({ name }: { name: string }) {
  const both: readonly Found[] = [useUsers(), useEvents()];
  const has = ({ data }: Found) => data?.items.find((each) => each.name === name);
  const found = both.find(has) ?? both.find(({ problem }) => problem) ?? both[0]!;
  const one = has(found);
  const type = one && "type" in one ? one.type : undefined;
  return (
    <>
      <PageHead title={name} back={{ to: href("indexes"), title: "Indexes" }} words={["index", type ? "events" : "list", "-o", "wide"]} actions={one && (
        <>
          <a class="button" href={href("search", [], { type, [one.serving ? "generation" : "beside"]: name })}>Search</a>
          {!type && !one.serving && <a class="button" href={href("indexes", ["compare"], { generation: one.number })}>Compare</a>}
        </>
      )} />
      <Rebuilds />
      {one && <p>{kRoles[one.role][1]} {several(one.dimension, "dimension")}{one.model && <>, of <code>{one.model}</code></>}.</p>}
      <Generations found={found} type={type} only={name} />
    </>
  );
}

export function IndexesPage() {
  const [part] = useRoute().parts;
  if (part === undefined) return <List />;
  return part === "compare" ? <ComparePage /> : <Details key={part} name={part} />;
}
