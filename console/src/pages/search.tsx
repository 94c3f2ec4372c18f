// Asks as an application would, and shows why the answer is as it is: scores, another generation
// beside the serving one, and what is in the way of someone who is not found.
import { useEffect, useState } from "preact/hooks";
import { get, requestJson } from "../api.ts";
import { Badge } from "../components/badge.tsx";
import { ErrorBox } from "../components/error_box.tsx";
import { Field } from "../components/field.tsx";
import { PageHead } from "../components/page_head.tsx";
import { Time } from "../components/time.tsx";
import { MeshCommand } from "../copy.tsx";
import { duration, percent, several } from "../format.ts";
import { moves, overlap } from "../ranks.ts";
import { type Resource, useResource } from "../resource.ts";
import { href, hrefWith, setFilters, useRoute } from "../router.ts";
import type { SearchAnswer, SearchHit, SearchRequest } from "../search_contract.ts";
import { requestOf, searchWords } from "../search_query.ts";
import { advice, score, whySentences } from "../why_not.ts";
import { type HitRow, Hits } from "./search_hits.tsx";

const kAsked = ["tenant", "type", "query", "filter", "from", "to", "limit", "min_score", "semantic_ratio", "generation", "beside"] as const;
type Asked = Record<(typeof kAsked)[number], string>;

function ids(answer: SearchAnswer): string[] {
  return answer.hits.map((hit) => String(hit.id));
}

function rowOf(hit: SearchHit, type: string | undefined): HitRow {
  const id = String(hit.id);
  const hidden = <span class="muted">hidden in this session</span>;
  if (type) {
    const text = hit.text ?? (hit.data === undefined || hit.data === null ? "" : JSON.stringify(hit.data));
    return {
      id, score: hit.score, title: hit.payload_hidden ? hidden : text || id,
      note: <><a href={href("events", ["id", id])}>{id}</a>{hit.time && <> · <Time at={hit.time} /></>}</>,
    };
  }
  return {
    id, score: hit.score, title: hit.payload_hidden ? hidden : hit.name || hit.email || id,
    note: <>{hit.name && hit.email ? `${hit.email} · ` : ""}user {id}</>,
    actions: <a class="button small quiet" href={hrefWith({ who: id })} aria-label={`Why user ${id}?`}>Why?</a>,
  };
}

function useAnswer(asked: SearchRequest | null): Resource<SearchAnswer> {
  return useResource(asked && `search ${asked.type ?? ""}?${JSON.stringify(asked)}`,
    (signal) => requestJson<SearchAnswer>("POST", "/admin/v1/search", asked, { signal }));
}

function Answer({ found, other, type }: { found: Resource<SearchAnswer>; other?: SearchAnswer | undefined; type: string | undefined }) {
  const { data, problem, loading, reload } = found;
  return (
    <section class="stack" aria-busy={loading}>
      {problem && <ErrorBox problem={problem} retry={reload} stale={data !== undefined} />}
      {!data && loading && <div class="card empty" role="status">Asking …</div>}
      {data && (
        <>
          <p class="answer-head">
            <a href={href("indexes", [data.generation])}>{data.generation}</a>
            <span class="muted">{data.embedder}</span>
            <span class="muted">{several(data.hits.length, "hit")} in {duration(data.took_micros / 1e6)}</span>
            {typeof data.semantic_ratio === "number" && <span class="muted">{percent(data.semantic_ratio)} meaning</span>}
          </p>
          <Hits label={`Hits of ${data.generation}`} rows={data.hits.map((hit) => rowOf(hit, type))} moved={other && moves(ids(data), ids(other))}
            empty={<>No hits. A lower least score, other words{type ? ", fewer conditions" : ""} may find more{!type && "; “Why not?” says what is in the way of someone"}.</>} />
        </>
      )}
    </section>
  );
}

function Agreement({ one, other }: { one: SearchAnswer; other: SearchAnswer }) {
  const { both, longer, share } = overlap(ids(one), ids(other));
  const same = [...moves(ids(one), ids(other)).values()].filter((by) => by === 0).length;
  return (
    <p class="card agreement" role="status">
      <strong>{percent(share)}</strong>
      <span>overlap at {longer}: both have {both} of {several(longer, "hit")}, {same} at the same rank. <span class="muted">Scores of different embedders are not to be compared, ranks are.</span></span>
    </p>
  );
}

function WhyNot({ asked }: { asked: SearchRequest }) {
  const who = useRoute().filters["who"] ?? "";
  const [typed, type] = useState(who);
  useEffect(() => type(who), [who]);
  const query = { tenant: asked.tenant, query: asked.query, who, limit: asked.limit, min_score: asked.min_score, semantic_ratio: asked.semantic_ratio };
  const { data: why, problem, reload } = useResource(who ? `why-not ${who}?${JSON.stringify(query)}` : null,
    (signal) => get("/admin/v1/search/why-not", { query, signal }));
  const next = why && advice(why);
  return (
    <section class="card stack">
      <h2>Why is someone not found?</h2>
      <form class="filters" onSubmit={(event) => { event.preventDefault(); setFilters({ who: typed.trim() }, { push: true }); }}>
        <Field label="User's id or e-mail address">
          <input type="search" value={typed} placeholder="ada@acme.dev" autocomplete="off" spellcheck={false} onInput={(event) => type(event.currentTarget.value)} />
        </Field>
        <button type="submit" class="button" disabled={!typed.trim()}>Why not?</button>
      </form>
      {problem && <ErrorBox problem={problem} retry={reload} stale={why !== undefined} />}
      {why && (
        <div class="stack" role="status">
          <p><Badge tone={why.reason === "found" ? "good" : "warning"}>{why.reason.replaceAll("_", " ")}</Badge> <strong>{why.text}</strong></p>
          <p>{whySentences(why).join(" ")} <span class="muted">Of the generation that serves.</span></p>
          <dl class="facts">
            <div><dt>Score</dt><dd>{score(why.score)} of {score(why.min_score)} at least</dd></div>
            <div><dt>Rank</dt><dd>{why.rank ?? "–"} of {why.limit} at most</dd></div>
            {why.user && <div><dt>User</dt><dd>{why.user.name ?? why.user.email ?? "–"} · {why.user.user_id}</dd></div>}
            {why.user && <div><dt>State</dt><dd>{why.user.text}</dd></div>}
            {why.user?.event && <div><dt>Last event</dt><dd><a href={href("events", ["id", why.user.event.id])}>{why.user.event.type}</a> <Time at={why.user.event.time} /></dd></div>}
            {why.elsewhere.length > 0 && <div><dt>Elsewhere</dt><dd>{why.elsewhere.map((each) => `${each.tenant}, user ${each.user_id}`).join("; ")}</dd></div>}
          </dl>
          {next && <p><a class="button" href={next.to ?? hrefWith(next.change ?? {})}>{next.text}</a></p>}
        </div>
      )}
      {who && <MeshCommand words={searchWords(asked, who)} />}
    </section>
  );
}

function draftOf(filters: Readonly<Record<string, string>>): Asked {
  return Object.fromEntries(kAsked.map((name) => [name, filters[name] ?? ""])) as Asked;
}

function Question({ again }: { again: () => void }) {
  const { filters } = useRoute();
  const [draft, change] = useState(() => draftOf(filters));
  const there = JSON.stringify(draftOf(filters));
  useEffect(() => change(draftOf(filters)), [there]);
  const byTasks = (sample: { tasks: { changed: string } }) => sample.tasks.changed;
  const users = useResource("generations", (signal) => get("/admin/v1/indexes", { signal }), byTasks).data?.items ?? [];
  const events = useResource("event generations", (signal) => get("/admin/v1/indexes/events", { signal }), byTasks).data?.items ?? [];
  const tenants = useResource("tenants", (signal) => get("/admin/v1/tenants", { query: { limit: 1000 }, signal })).data?.items ?? [];
  const set = (more: Partial<Asked>) => change({ ...draft, ...more });
  const bind = (name: keyof Asked) => ({ value: draft[name], onInput: (event: { currentTarget: { value: string } }) => set({ [name]: event.currentTarget.value }) });
  const types = [...new Set([...events.map((each) => each.type), ...(draft.type ? [draft.type] : [])])].sort();
  const generations = (draft.type ? events.filter((each) => each.type === draft.type) : users).map(({ name, role, embedder }) => ({ name, text: `${name} · ${role} · ${embedder}` }));
  const chosen = (name: "generation" | "beside", none: string) => (
    <select value={draft[name]} onChange={(event) => set({ [name]: event.currentTarget.value })}>
      <option value="">{none}</option>
      {[...generations, ...(draft[name] && !generations.some((each) => each.name === draft[name]) ? [{ name: draft[name], text: draft[name] }] : [])]
        .map((each) => <option key={each.name} value={each.name} selected={each.name === draft[name]}>{each.text}</option>)}
    </select>
  );
  const ask = (event: Event) => {
    event.preventDefault();
    if (JSON.stringify(draft) === there) again();
    else setFilters(draft, { push: true });
  };
  return (
    <form class="card stack question" role="search" aria-label="What to ask" onSubmit={ask}>
      <div class="filters">
        <Field label="Tenant">
          <input {...bind("tenant")} list="tenants" required autocomplete="off" spellcheck={false} placeholder="acme" />
          <datalist id="tenants">{tenants.map(({ id, name }) => <option key={id} value={id}>{name}</option>)}</datalist>
        </Field>
        <Field label="Among">
          <select value={draft.type} onChange={(event) => set({ type: event.currentTarget.value, generation: "", beside: "" })}>
            <option value="">users</option>
            {types.map((each) => <option key={each} value={each} selected={each === draft.type}>{each}</option>)}
          </select>
        </Field>
        <div class="query"><Field label="Query"><input {...bind("query")} type="search" required maxLength={1000} autocomplete="off" placeholder="in any words" /></Field></div>
        <button type="submit" class="button primary">Ask <kbd aria-hidden="true">↵</kbd></button>
      </div>
      <div class="filters">
        {draft.type && <Field label="Filter"><input {...bind("filter")} placeholder="country=DE; page=/docs" spellcheck={false} /></Field>}
        {draft.type && <Field label="From"><input {...bind("from")} placeholder="7d, or a time" spellcheck={false} /></Field>}
        {draft.type && <Field label="To"><input {...bind("to")} placeholder="now" spellcheck={false} /></Field>}
        <div class="short"><Field label="Hits"><input {...bind("limit")} type="number" min={1} max={100} placeholder="10" /></Field></div>
        <div class="short"><Field label="Least score"><input {...bind("min_score")} type="number" min={-1} max={1} step="any" placeholder="0.2" /></Field></div>
        <fieldset class="ratio">
          <legend class="field-label">Letters … meaning</legend>
          <input type="range" min={0} max={1} step={0.05} aria-label="Share of meaning" value={draft.semantic_ratio || 0.5} class={draft.semantic_ratio ? "" : "unset"}
            aria-valuetext={draft.semantic_ratio || "what suits the query"} onInput={(event) => set({ semantic_ratio: event.currentTarget.value })} />
          <input {...bind("semantic_ratio")} type="number" min={0} max={1} step="any" aria-label="Share of meaning, a number" placeholder="auto" />
        </fieldset>
        <Field label="Generation">{chosen("generation", "the one that serves")}</Field>
        <Field label="Beside it">{chosen("beside", "nothing")}</Field>
      </div>
    </form>
  );
}

export function SearchPage() {
  const { filters } = useRoute();
  const { type, generation, beside } = filters;
  const asked = requestOf(filters, generation);
  const found = useAnswer(asked);
  const other = useAnswer(beside ? requestOf(filters, beside) : null);
  const again = () => {
    found.reload();
    if (beside) other.reload();
  };
  return (
    <>
      <PageHead title="Search playground" words={asked ? searchWords(asked) : ["search", "QUERY", "--tenant", "TENANT"]} />
      <Question again={again} />
      {asked && beside && found.data && other.data && <Agreement one={found.data} other={other.data} />}
      {asked && (
        <div class="columns">
          <Answer found={found} other={beside ? other.data : undefined} type={type} />
          {beside && <Answer found={other} other={found.data} type={type} />}
        </div>
      )}
      {asked && !type && <WhyNot asked={asked} />}
      {!asked && <div class="card empty">A tenant and some words: the hits come with their scores, as an application gets them.</div>}
    </>
  );
}
