// The serving generation and another one, asked the same: how far they agree, and where least.
import { useEffect, useState } from "preact/hooks";
import { type Schemas, get, post } from "../api.ts";
import { ErrorBox } from "../components/error_box.tsx";
import { Field } from "../components/field.tsx";
import { PageHead } from "../components/page_head.tsx";
import { Table } from "../components/table.tsx";
import { Tile, Tiles } from "../components/tiles.tsx";
import { count, duration, kNothing, percent, several } from "../format.ts";
import { moves } from "../ranks.ts";
import { useResource } from "../resource.ts";
import { href, setFilters, useRoute } from "../router.ts";
import { score } from "../why_not.ts";
import { Hits } from "./search_hits.tsx";

type Hit = Schemas["ComparedHit"];

function ids(hits: readonly Hit[]): string[] {
  return hits.map((hit) => String(hit.user_id));
}

function Side({ name, hits, other }: { name: string; hits: readonly Hit[]; other: readonly Hit[] }) {
  return (
    <div class="stack">
      <p class="muted">{name}</p>
      <Hits label={`Hits of ${name}`} moved={moves(ids(hits), ids(other))} empty="No hits."
        rows={hits.map((hit) => ({ id: String(hit.user_id), score: hit.score, title: hit.name || hit.email || String(hit.user_id), note: hit.email }))} />
    </div>
  );
}

function Report({ found }: { found: Schemas["Comparison"] }) {
  const { serving, other } = found;
  return (
    <>
      <Tiles label="How far both agree">
        <Tile name={`Overlap at ${found.limit}`} figure={percent(found.overlap)} note="hits that both have" />
        <Tile name="Kendall's tau" figure={found.tau === null ? kNothing : found.tau.toFixed(2)} note="1: the same order, -1: turned" />
        <Tile name="Queries" figure={count(found.queries)} note={found.left_out ? `${count(found.left_out)} left out` : "none left out"} tone={found.left_out ? "warning" : "plain"} />
      </Tiles>
      {found.failure && <p class="card">The first that failed: {found.failure}</p>}
      {found.queries === 0 && <p class="card empty">Nothing was searched for lately: give queries, and the tenant they are of.</p>}
      <Table label="Both generations" rows={[serving, other]} rowKey={(each) => each.generation} rowLink={(each) => href("indexes", [each.generation])} columns={[
        { key: "generation", head: "Generation", cell: (each) => each.generation },
        { key: "embedder", head: "Embedder", wide: true, cell: (each) => each.embedder },
        { key: "score", head: "Mean score", align: "end", cell: (each) => score(each.mean_score) },
        { key: "mean", head: "Mean", align: "end", cell: (each) => duration(each.mean_ms / 1000) },
        { key: "p95", head: "p95", align: "end", cell: (each) => duration(each.p95_ms / 1000) },
      ]} />
      {found.most_different.length > 0 && <h2>Where they differ most</h2>}
      {found.most_different.map((each, index) => (
        <section key={index} class="stack" aria-label={`Query ${each.query}`}>
          <p class="answer-head">
            <a href={href("search", [], { tenant: each.tenant, query: each.query, beside: other.generation })}>{each.query}</a>
            <span class="muted">{each.tenant}</span><span class="muted">overlap {percent(each.overlap)}</span>
            {each.tau !== null && <span class="muted">tau {each.tau.toFixed(2)}</span>}
          </p>
          <div class="columns">
            <Side name={serving.generation} hits={each.serving} other={each.other} />
            <Side name={other.generation} hits={each.other} other={each.serving} />
          </div>
        </section>
      ))}
    </>
  );
}

export function ComparePage() {
  const { generation = "", tenant = "", queries = "", limit = "" } = useRoute().filters;
  const there = { generation, tenant, queries, limit };
  const [draft, change] = useState(there);
  useEffect(() => change(there), [JSON.stringify(there)]);
  const all = useResource("generations", (signal) => get("/admin/v1/indexes", { signal }), (sample) => sample.tasks.changed).data?.items;
  const lines = queries.split("\n").map((line) => line.trim()).filter((line) => line !== "").slice(0, 1000);
  const body = {
    ...(Number(generation) > 0 && { generation: Number(generation) }), ...(tenant && { tenant }),
    ...(lines.length > 0 && { queries: lines }), limit: Number(limit) || 10,
  };
  const { data, problem, loading, reload } = useResource(generation ? `compare ${JSON.stringify(body)}` : null, (signal) => post("/admin/v1/indexes/compare", { body, signal }));
  const words = ["index", "compare", ...(generation ? [generation] : []), ...(tenant ? ["--tenant", tenant] : []), ...(lines.length ? ["--queries", "queries.txt"] : []), ...(limit ? ["--limit", limit] : [])];
  const others = all?.filter(({ serving, role }) => !serving && role !== "building");
  const set = (more: Partial<typeof there>) => change({ ...draft, ...more });
  const ask = (event: Event) => {
    event.preventDefault();
    if (JSON.stringify(draft) === JSON.stringify(there)) reload();
    else setFilters(draft, { push: true });
  };
  return (
    <>
      <PageHead title="Compare generations" back={{ to: href("indexes"), title: "Indexes" }} words={words} />
      <form class="card stack" onSubmit={ask}>
        <div class="filters">
          <Field label="The serving one beside">
            <select required value={draft.generation} onChange={(event) => set({ generation: event.currentTarget.value })}>
              <option value="">choose …</option>
              {others?.map((each) => <option key={each.name} value={String(each.number)} selected={String(each.number) === draft.generation}>{each.name} · {each.role} · {each.embedder}</option>)}
            </select>
          </Field>
          <Field label="Tenant"><input value={draft.tenant} placeholder={draft.queries ? "of the queries" : "all"} required={draft.queries !== ""} spellcheck={false} autocomplete="off" onInput={(event) => set({ tenant: event.currentTarget.value })} /></Field>
          <div class="short"><Field label="Hits"><input type="number" min={1} max={100} placeholder="10" value={draft.limit} onInput={(event) => set({ limit: event.currentTarget.value })} /></Field></div>
          <button type="submit" class="button primary">Compare</button>
        </div>
        <Field label="Queries, a line each" hint="Without them: what this process was asked lately.">
          <textarea rows={2} value={draft.queries} onInput={(event) => set({ queries: event.currentTarget.value })} />
        </Field>
      </form>
      {others?.length === 0 && <p class="card empty">There is no other generation: rebuild one as a shadow, then compare.</p>}
      {problem && <ErrorBox problem={problem} retry={reload} stale={data !== undefined} />}
      {loading && !data && <p class="card empty" role="status">Asking both{lines.length ? ` ${several(lines.length, "query", "queries")}` : ""} …</p>}
      {data && <Report found={data} />}
    </>
  );
}
