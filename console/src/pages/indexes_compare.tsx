// The serving generation and another one, asked the same: how far they agree, and where least.
import { type Schemas, post } from "../api.ts";
import { ErrorBox } from "../components/error_box.tsx";
import { ChoiceFilter, Field } from "../components/field.tsx";
import { PageHead } from "../components/page_head.tsx";
import { Tile, Tiles } from "../components/tiles.tsx";
import { count, duration, kNothing, percent } from "../format.ts";
import { useResource } from "../resource.ts";
import { href, useRoute } from "../router.ts";
import { score } from "../why_not.ts";
import { useUsers } from "./indexes_data.ts";
import { AskForm, Typed, useTyped } from "./search_form.tsx";
import { type HitRow, Hits } from "./search_hits.tsx";

function rowOf({ user_id, score: has, name, email }: Schemas["ComparedHit"]): HitRow {
  return { id: String(user_id), score: has, title: name || email, note: email };
}

function Report({ found: { serving, other, overlap, tau, limit, queries, left_out, failure, most_different } }: { found: Schemas["Comparison"] }) {
  return (
    <>
      <Tiles label="How far both agree">
        <Tile name={`Overlap at ${limit}`} figure={percent(overlap)} note="of hits, in the mean" />
        <Tile name="Kendall's tau" figure={tau?.toFixed(2) ?? kNothing} note="1: the same order" />
        <Tile name="Queries" figure={count(queries)} note={`${count(left_out)} left out`} tone={left_out ? "warning" : "plain"} />
        {[serving, other].map((each) => (
          <Tile key={each.generation} name={each.generation} figure={score(each.mean_score)} unit=" mean score" note={`p95 ${duration(each.p95_ms / 1000)}, ${each.embedder}`} to={href("indexes", [each.generation])} />
        ))}
      </Tiles>
      {failure && <p class="card">The first that failed: {failure}</p>}
      {queries === 0 && <p class="card empty">Nothing was searched for lately: give queries, and the tenant they are of.</p>}
      {most_different.map((each, index) => (
        <section key={index} class="stack">
          <h2>
            <a href={href("search", [], { tenant: each.tenant, query: each.query, beside: other.generation })}>{each.query}</a>{" "}
            <small class="muted">{each.tenant}, overlap {percent(each.overlap)}{each.tau !== null && `, tau ${each.tau.toFixed(2)}`}</small>
          </h2>
          <div class="columns">
            <Hits label={serving.generation} rows={each.serving.map(rowOf)} other={each.other.map(rowOf)} />
            <Hits label={other.generation} rows={each.other.map(rowOf)} other={each.serving.map(rowOf)} />
          </div>
        </section>
      ))}
    </>
  );
}

export function ComparePage() {
  const { generation, tenant, queries = "", limit } = useRoute().filters;
  const others = useUsers().data?.items.filter(({ role }) => role === "shadow" || role === "previous") ?? [];
  const lines = queries.split("\n").filter((line) => line.trim());
  const body = { generation: Number(generation), ...(tenant && { tenant }), ...(lines.length > 0 && { queries: lines }), limit: Number(limit) || 10 };
  const { data, problem, loading, reload } = useResource(generation ? `compare ${JSON.stringify(body)}` : null, (signal) => post("/admin/v1/indexes/compare", { body, signal }));
  const words = ["index", "compare", ...(generation ? [generation] : [])];
  for (const [name, value] of [["tenant", tenant], ["queries", queries && "queries.txt"], ["limit", limit]]) if (value) words.push(`--${name}`, value);
  return (
    <>
      <PageHead title="Compare generations" back={{ to: href("indexes"), title: "Indexes" }} words={words} />
      <AskForm again={reload}>
        <div class="filters">
          <ChoiceFilter name="generation" label="The serving one beside"
            choices={[["", others.length ? "choose …" : "no other: rebuild a shadow"], ...others.map((each) => [String(each.number), `${each.name}, ${each.role}`] as const)]} />
          <Typed name="tenant" label="Tenant" placeholder="all" />
          <Typed name="limit" label="Hits" type="number" min={1} max={100} placeholder="10" />
          <button type="submit" class="button primary">Compare</button>
        </div>
        <Field label="Queries of the tenant, a line each; without them what was asked lately"><textarea rows={3} {...useTyped("queries")} /></Field>
      </AskForm>
      {problem && <ErrorBox problem={problem} retry={reload} />}
      {loading && <p role="status">Asking both …</p>}
      {data && <Report found={data} />}
    </>
  );
}
