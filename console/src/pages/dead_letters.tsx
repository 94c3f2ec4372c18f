// Events that no try could process: by what they died of, then each beside its cause.
import type { paths } from "mesh-api";
import { type Schemas, get, request, urlOf } from "../api.ts";
import { Badge } from "../components/badge.tsx";
import { ErrorBox } from "../components/error_box.tsx";
import { ChoiceFilter, FilterBar, TextFilter } from "../components/field.tsx";
import { Json } from "../components/json.tsx";
import { PageHead } from "../components/page_head.tsx";
import { type Column, Table } from "../components/table.tsx";
import { TaskOutcome } from "../components/task_outcome.tsx";
import { Time } from "../components/time.tsx";
import { count, several } from "../format.ts";
import { useResource } from "../resource.ts";
import { href, hrefWith, setFilters, useRoute } from "../router.ts";
import { milliseconds } from "../time.ts";
import { LetterActions } from "./dead_letters_actions.tsx";
import { type Letter, type Scope, dataText, eventMember, lettersOf, placeParts, scopeWords } from "./letters.ts";
import { kTenant } from "./tasks.tsx";

type Cause = Schemas["CauseGroup"];
const kMostGroups = 1000;

const kColumns: readonly Column<Cause>[] = [
  { key: "cause", head: "Cause", wide: true, cell: (group) => group.cause, sort: (group) => group.cause },
  { key: "class", head: "Class", cell: (group) => <Badge tone="bad">{group.cause_class}</Badge>, sort: (group) => group.cause_class },
  { key: "letters", head: "Letters", align: "end", cell: (group) => count(group.letters), sort: (group) => group.letters },
  { key: "topic", head: "Topic", cell: (group) => group.topic, sort: (group) => group.topic },
  { key: "tenant", head: "Tenant", cell: (group) => group.tenant ? <a href={href("tenants", [group.tenant])}>{group.tenant}</a> : <span class="muted">none</span>, sort: (group) => group.tenant || null },
  { key: "first", head: "First", cell: (group) => <Time at={group.first} />, sort: (group) => milliseconds(group.first) },
  { key: "last", head: "Last", cell: (group) => <Time at={group.last} />, sort: (group) => milliseconds(group.last) },
];

function CauseList() {
  const { topic, tenant, cause } = useRoute().filters;
  const { data, problem, loading, reload } = useResource(
    `causes?${tenant ?? ""}`,
    (signal) => get("/admin/v1/dlq/causes", { query: { tenant, limit: kMostGroups }, signal }),
    (sample) => sample.dead_letters,
  );
  const sought = cause?.toLowerCase();
  const rows = data?.items.filter((group) => (!topic || group.topic === topic)
    && (!sought || group.fingerprint === sought || group.cause_class === sought || group.cause.toLowerCase().includes(sought)));
  const topics = [...new Set([...(data?.items.map((group) => group.topic) ?? []), ...(topic ? [topic] : [])])].sort();
  // `mesh` takes a class or a fingerprint, here a part of the text does, too.
  const exact = sought && rows?.every((group) => group.fingerprint === sought || group.cause_class === sought);
  return (
    <>
      <PageHead title="Dead letters" words={["dlq", "list", ...(topic ? [topic] : []), ...(tenant ? ["--tenant", tenant] : []), ...(exact && cause ? ["--cause", cause] : [])]}
        aside={rows && rows.length > 0 && <span class="muted">{several(rows.reduce((sum, group) => sum + group.letters, 0), "letter")}</span>} />
      <FilterBar label="Which letters">
        <ChoiceFilter name="topic" label="Topic" choices={[["", "all"], ...topics.map((each) => [each, each] as const)]} />
        <TextFilter name="tenant" label="Tenant" placeholder="all" pattern={kTenant} />
        <TextFilter name="cause" label="Cause" placeholder="text, class or fingerprint" />
      </FilterBar>
      {data?.items.length === kMostGroups && <p class="muted">The largest {count(kMostGroups)} groups: choose a tenant for others.</p>}
      <Table label="Causes, the most letters first" columns={kColumns} rows={rows} rowKey={(group) => `${group.topic} ${group.tenant} ${group.fingerprint}`}
        rowLink={(group) => href("dead-letters", [group.topic], { cause: group.fingerprint, tenant: group.tenant })}
        loading={loading} problem={problem} retry={reload}
        empty={topic || tenant || cause
          ? <>No such letters. <button type="button" class="button small" onClick={() => setFilters({ topic: null, tenant: null, cause: null }, { push: true })}>Show all</button></>
          : "No dead letters: every event was processed, or still is being tried."} />
    </>
  );
}

function LetterCard({ letter, reload }: { letter: Letter; reload: () => void }) {
  const { topic, tenant, cause, source, key } = letter;
  const id = eventMember(letter, "id");
  const place = placeParts(source);
  const data = dataText(letter);
  const raw = letter.event ? JSON.stringify(letter.event) : String(letter.value ?? letter.value_base64 ?? "");
  return (
    <li class="card letter">
      <div class="stack">
        <p class="letter-cause"><Badge tone="bad">{letter.cause_class}</Badge> <a href={hrefWith({ cause: letter.fingerprint, tenant: null, id: null })} title="All that died of it">{cause}</a></p>
        <dl class="facts">
          {id && <div><dt>Event</dt><dd><a href={href("events", ["id", id])}>{id}</a></dd></div>}
          {letter.event && <div><dt>Type</dt><dd>{eventMember(letter, "type")}</dd></div>}
          {tenant && <div><dt>Tenant</dt><dd><a href={href("tenants", [tenant])}>{tenant}</a></dd></div>}
          <div><dt>Pipeline</dt><dd>{letter.pipeline}</dd></div>
          <div><dt>Died</dt><dd><Time at={letter.died_at} />{letter.first_died_at !== letter.died_at && <>, first <Time at={letter.first_died_at} /></>}</dd></div>
          <div>
            <dt>Attempts</dt>
            <dd>{count(letter.attempts)}{letter.redrives > 0 && `, before ${count(letter.attempts_before)}; redriven ${several(letter.redrives, "time")}`}</dd>
          </div>
          <div><dt>Stood at</dt><dd>{place ? <a href={href("events", place)}>{source}</a> : source}</dd></div>
          <div><dt>Key</dt><dd><code>{key}</code></dd></div>
        </dl>
        <div class="letter-actions"><LetterActions letter={letter} scope={{ topic, id, tenant }} reload={reload} small /></div>
      </div>
      {letter.payload_hidden
        ? <p class="muted">The payload is hidden in this session.</p>
        : <Json label={`${data !== null ? "Event data" : letter.event ? "Event" : "No event"}, letter ${letter.partition}:${letter.offset}`} text={data ?? raw} />}
    </li>
  );
}

const kLetters = "/admin/v1/dlq/{topic}/letters" satisfies keyof paths;

function Letters({ topic }: { topic: string }) {
  const { tenant, cause, id, limit, task } = useRoute().filters;
  const scope: Scope = { topic, tenant, cause, id };
  const shown = Number(limit) || 20;
  const { data, problem, loading, reload } = useResource(
    `letters ${topic}?${JSON.stringify([scope, shown])}`,
    async (signal) => lettersOf(await (await request("GET", urlOf(kLetters, { topic }, { tenant, cause, id, limit: shown }), undefined, { signal })).text()),
    (sample) => [sample.dead_letters, sample.tasks.changed],
  );
  const narrowed = tenant || cause || id;
  return (
    <>
      <PageHead title={topic} back={{ to: href("dead-letters"), title: "Dead letters" }} words={["dlq", "show", ...scopeWords(scope)]}
        actions={data && data.length > 0 && <LetterActions scope={scope} reload={reload} />} />
      <FilterBar label="Which letters">
        <TextFilter name="tenant" label="Tenant" placeholder="all" pattern={kTenant} />
        <TextFilter name="cause" label="Cause" placeholder="class or fingerprint" />
        <TextFilter name="id" label="Event" placeholder="its id" />
      </FilterBar>
      {task && <TaskOutcome key={task} id={task} />}
      {problem && <ErrorBox problem={problem} retry={reload} stale={data !== undefined} />}
      {data === undefined && !problem && <div class="empty" role="status">Loading …</div>}
      {data?.length === 0 && (
        <div class="card empty">
          {narrowed ? <>No such letters. <a class="button small" href={hrefWith({ tenant: null, cause: null, id: null })}>Show all of the topic</a></> : "No letters: each is settled."}
        </div>
      )}
      <ul class="stack" aria-label="Letters, the newest first" aria-busy={loading}>
        {data?.map((letter) => <LetterCard key={`${letter.partition}:${letter.offset}`} letter={letter} reload={reload} />)}
      </ul>
      {data?.length === shown && shown < 1000 && (
        <p><button type="button" class="button" onClick={() => setFilters({ limit: Math.min(shown * 5, 1000) })}>
          Show more
        </button></p>
      )}
    </>
  );
}

export function DeadLettersPage() {
  const [topic] = useRoute().parts;
  return topic === undefined ? <CauseList /> : <Letters key={topic} topic={topic} />;
}
