// Asks as an application would, and shows why the answer is as it is: scores, another generation
// beside the serving one, and what is in the way of someone who is not found.
import { get } from "../api.ts";
import { Badge } from "../components/badge.tsx";
import { ErrorBox } from "../components/error_box.tsx";
import { ChoiceFilter, Field } from "../components/field.tsx";
import { PageHead } from "../components/page_head.tsx";
import { Time } from "../components/time.tsx";
import { MeshCommand } from "../copy.tsx";
import { duration, percent, several } from "../format.ts";
import { overlap } from "../ranks.ts";
import { type Resource, useResource } from "../resource.ts";
import { href, hrefWith, setFilters, useRoute } from "../router.ts";
import { type Asked, requestOf, searchWords } from "../search_query.ts";
import { advice, whySentences } from "../why_not.ts";
import { useEvents, useUsers } from "./indexes_data.ts";
import { AskForm, Typed, useTyped } from "./search_form.tsx";
import { type HitRow, Hits } from "./search_hits.tsx";

interface Answered {
  /** Of users; events are searched in the one that serves. */
  generation?: number;
  by: string;
  micros: number;
  rows: HitRow[];
}
type Found = Resource<Answered>;

async function ask(asked: Asked, signal: AbortSignal): Promise<Answered> {
  if (asked.type) {
    const { took_micros: micros, results, vectors } = await get("/admin/v1/search/events", { query: { ...asked, type: asked.type }, signal });
    const rows = results.map((hit) => ({
      id: hit.event_id, score: hit.score ?? 0, title: hit.title,
      note: <><a href={href("events", ["id", hit.event_id])}>{hit.event_id}</a> <Time at={hit.time} /></>,
    }));
    return { by: vectors ?? "meaning, letters and words", micros, rows };
  }
  const { generation, embedder: by, took_micros: micros, results } = await get("/admin/v1/search/users", { query: asked, signal });
  const rows = results.map(({ user_id, score, name, email }) => ({
    id: String(user_id), score, title: name || email, note: <>{email} user {user_id} <a href={hrefWith({ who: String(user_id) })}>why</a></>,
  }));
  return { generation, by, micros, rows };
}

function useAnswer(asked: Asked | null): Found {
  return useResource(asked && `search ${asked.tenant} ${asked.type}?${JSON.stringify(asked)}`, (signal) => ask(asked!, signal));
}

function Answer({ found: { data, problem, loading, reload }, other }: { found: Found; other: Found }) {
  return (
    <section class="stack" aria-busy={loading}>
      {problem && <ErrorBox problem={problem} retry={reload} />}
      {data && !problem && (
        <>
          <p class="answer-head">
            {data.generation && <a href={href("indexes", [`user_embeddings-${data.generation}`])}>generation {data.generation}</a>}
            <span class="muted">{data.by}</span>
            <span class="muted">{several(data.rows.length, "hit")} in {duration(data.micros / 1e6)}</span>
          </p>
          <Hits label={`Hits${data.generation ? ` of generation ${data.generation}` : ""}`} rows={data.rows} other={other.data?.rows} />
        </>
      )}
    </section>
  );
}

function Agreement({ one, other }: { one: Answered; other: Answered }) {
  const { both, longer, share } = overlap(one.rows, other.rows);
  return (
    <p class="card answer-head" role="status">
      <strong>{percent(share)} overlap at {longer}</strong>
      <span>{both} of {several(longer, "hit")} are in both.</span>
      <span class="muted">Compare ranks: scores of two embedders have no common measure.</span>
    </p>
  );
}

function WhyNot({ asked: { tenant, query, limit, min_score, semantic_ratio }, words }: { asked: Asked; words: readonly string[] }) {
  const who = useRoute().filters["who"];
  const asked = who ? { tenant, query, who, limit, min_score, semantic_ratio } : null;
  const { data, problem, reload } = useResource(asked && `why-not ${JSON.stringify(asked)}`,
    (signal) => get("/admin/v1/search/why-not", { query: asked!, signal }));
  const next = data && advice(data);
  return (
    <AskForm again={reload}>
      <h2>Why is someone not found?</h2>
      <div class="filters">
        <Typed name="who" label="User's id or e-mail address" placeholder="ada@acme.dev" />
        <button type="submit" class="button">Why not?</button>
        {who && <MeshCommand words={words} />}
      </div>
      {problem && <ErrorBox problem={problem} retry={reload} />}
      {data && (
        <div class="stack" role="status">
          <p><Badge tone={data.reason === "found" ? "good" : "warning"}>{data.reason.replace("_", " ")}</Badge> <strong>{data.text}</strong></p>
          <p>{whySentences(data)}</p>
          {next && <p><a class="button" href={next.to ?? hrefWith(next.change ?? {})}>{next.text}</a></p>}
        </div>
      )}
    </AskForm>
  );
}

function Ratio() {
  const typed = useTyped("semantic_ratio");
  return (
    <Field label="Meaning against letters">
      <span class="ratio">
        <input type="range" min={0} max={1} step={0.05} aria-label="Share of meaning" {...typed} name="" value={typed.value || 0.5} />
        <input type="number" min={0} max={1} step="any" placeholder="auto" aria-label="Share of meaning, a number" {...typed} />
      </span>
    </Field>
  );
}

function Question({ again, type = "" }: { again: () => void; type: string | undefined }) {
  const users = useUsers().data?.items ?? [];
  const events = useEvents().data?.items ?? [];
  const types = [...new Set(["", type, ...events.map((each) => each.type)])];
  const generations = users.map(({ number, name, role }) => [String(number), `${name}, ${role}`] as const);
  return (
    <AskForm again={again}>
      <div class="filters">
        <Typed name="tenant" label="Tenant" required placeholder="acme" />
        <Field label="Among">
          <select value={type} onChange={(event) => setFilters({ type: event.currentTarget.value, generation: null, beside: null }, { push: true })}>
            {types.map((each) => <option key={each} value={each} selected={each === type}>{each || "users"}</option>)}
          </select>
        </Field>
        <div class="query"><Typed name="query" label="Query" required maxLength={1000} placeholder="in any words" /></div>
        <button type="submit" class="button primary">Ask ↵</button>
      </div>
      <div class="filters">
        {type && (
          <>
            <Typed name="filter" label="Filter" placeholder="country=DE; page=/docs" />
            <Typed name="from" label="From" placeholder="7d, or a time" />
            <Typed name="to" label="To" placeholder="now" />
          </>
        )}
        <Typed name="limit" label="Hits" type="number" min={1} max={100} placeholder="10" />
        <Typed name="min_score" label="Least score" type="number" min={-1} max={1} step="any" placeholder="0.2" />
        <Ratio />
        {!type && (
          <>
            <ChoiceFilter name="generation" label="Generation" choices={[["", "the one that serves"], ...generations]} />
            <ChoiceFilter name="beside" label="Beside it" choices={[["", "nothing"], ...generations]} />
          </>
        )}
      </div>
    </AskForm>
  );
}

export function SearchPage() {
  const { filters } = useRoute();
  const { type, generation, beside } = filters;
  const asked = requestOf(filters, generation);
  const found = useAnswer(asked);
  const other = useAnswer(beside && !type ? requestOf(filters, beside) : null);
  return (
    <>
      <PageHead title="Search playground" words={asked ? searchWords(asked) : ["search", "QUERY", "--tenant", "TENANT"]} />
      <Question type={type} again={() => { found.reload(); if (beside) other.reload(); }} />
      {found.data && other.data && <Agreement one={found.data} other={other.data} />}
      {asked ? (
        <div class="columns">
          <Answer found={found} other={other} />
          {beside && <Answer found={other} other={found} />}
        </div>
      ) : <p class="card empty">A tenant and some words: the hits come with their scores, as an application gets them.</p>}
      {asked && !type && <WhyNot asked={asked} words={searchWords(asked, filters["who"])} />}
    </>
  );
}
