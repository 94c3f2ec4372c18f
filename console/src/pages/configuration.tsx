// What the mesh runs with: its settings, its processes, the servers behind it, and its last words.
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { type Schemas, get } from "../api.ts";
import { Badge, type Tone } from "../components/badge.tsx";
import { ErrorBox } from "../components/error_box.tsx";
import { ChoiceFilter, FilterBar, TextFilter } from "../components/field.tsx";
import { PageHead } from "../components/page_head.tsx";
import { type Column, Table } from "../components/table.tsx";
import { Tabs } from "../components/tabs.tsx";
import { Time } from "../components/time.tsx";
import { kNothing } from "../format.ts";
import { useResource } from "../resource.ts";
import { type Filters, href, setFilters, useRoute } from "../router.ts";
import { type Setting, fromOf, isChanged, matches, textOf } from "../settings.ts";

const everyTenSeconds = ({ time }: { time: string }) => Math.floor(Date.parse(time) / 10_000);

function Value({ value, same }: { value: unknown; same?: boolean }) {
  const text = same ? "" : textOf(value);
  return text === "" ? <span class="muted">{same ? "same" : "not set"}</span> : <code>{text}</code>;
}

const kSettings: readonly Column<Setting>[] = [
  { key: "name", head: "Setting", cell: ({ key, description }) => <code title={description}><span class="muted">{key.replace(/[^.]*$/, "")}</span>{key.replace(/.*\./, "")}</code>, sort: ({ key }) => key },
  { key: "value", head: "Value", wide: true, cell: ({ value, pending }) => <span class="wrap"><Value value={value} /> {pending && <Badge tone="warning">{textOf(pending.value) || "not set"} at the next start</Badge>}</span>, sort: ({ value }) => textOf(value) || null },
  { key: "default", head: "Default", cell: (each) => <Value value={each.default} same={textOf(each.default) === textOf(each.value)} /> },
  { key: "from", head: "From", cell: (each) => <span class={each.where ? "" : "muted"} title={each.where ?? undefined}>{fromOf(each)}</span>, sort: ({ where }) => where },
];

function ShowAll() {
  return <>Nothing matches. <button type="button" class="button small" onClick={() => setFilters({ filter: null, show: null, level: null }, { push: true })}>Show all</button></>;
}

function Settings() {
  const { filter = "", show } = useRoute().filters;
  const { data, problem, loading, reload } = useResource("config", (signal) => get("/admin/v1/config/settings", { signal }));
  const rows = useMemo(() => data?.items.filter((each) => matches(each, filter) && (show !== "set" || isChanged(each))), [data, filter, show]);
  return (
    <>
      <FilterBar label="Which settings">
        <TextFilter name="filter" label="Setting or value" placeholder="log retention" />
        <ChoiceFilter name="show" label="Show" choices={[["", "all"], ["set", "changed: not from the default"]]} />
      </FilterBar>
      <p class="muted">As this process runs; secrets are masked.</p>
      <Table label="Settings" columns={kSettings} rows={rows} rowKey={({ key }) => key} loading={loading} problem={problem} retry={reload} empty={<ShowAll />} />
    </>
  );
}

function Members() {
  const { data, problem, reload } = useResource("members", (signal) => get("/admin/v1/members", { signal }), everyTenSeconds);
  const versions = [...new Set(data?.items.map(({ version }) => version))];
  return (
    <>
      {problem && <ErrorBox problem={problem} retry={reload} stale={data !== undefined} />}
      {!data && !problem && <p class="muted" role="status">Loading …</p>}
      {versions.length > 1 && <p><Badge tone="warning">They are not all of one version</Badge></p>}
      {data?.items.map((member) => (
        <section key={member.id} class="card stack">
          <div class="section-head">
            <h2>{member.id}</h2>
            <Badge tone={versions.length > 1 ? "warning" : "plain"}>{member.version}</Badge>
            <span class="muted">seen <Time at={member.seen} />, runs since <Time at={member.since} /></span>
          </div>
          <dl class="facts long">
            <div><dt>Roles</dt><dd>{member.roles.join(", ")}</dd></div>
            <div><dt>Addresses</dt><dd>{member.addresses.map((each) => <code key={each} class="line">{each}</code>)}</dd></div>
            <div><dt>Feeds</dt><dd>{member.feeds.length === 0 ? kNothing : member.feeds.map((each, index) => <span key={each}>{index > 0 && ", "}<a href={href("pipelines", [each])}>{each}</a></span>)}</dd></div>
            <div><dt>Alone does</dt><dd>{member.leases.join(", ") || kNothing}</dd></div>
          </dl>
        </section>
      ))}
    </>
  );
}

type Finding = Schemas["ServerFinding"];
const kFindings: readonly Column<Finding>[] = [
  { key: "server", head: "Server", cell: (each) => each.server, sort: (each) => each.server },
  { key: "about", head: "About", cell: (each) => each.about, sort: (each) => each.about },
  { key: "ok", head: "State", cell: (each) => <Badge tone={each.ok ? "good" : "bad"}>{each.ok ? "ok" : "look"}</Badge>, sort: (each) => Number(each.ok) },
  { key: "detail", head: "What it is, and what to do", wide: true, cell: (each) => <span class="wrap">{each.detail}{each.advice && <><br /><strong>{each.advice}</strong></>}</span> },
];

function Servers() {
  const { data, problem, loading, reload } = useResource("servers", (signal) => get("/admin/v1/servers", { signal }));
  return (
    <>
      <p class="row-actions start"><button type="button" class="button" disabled={loading} onClick={reload}>{loading ? "Examining …" : "Examine again"}</button></p>
      <Table label="Findings" columns={kFindings} rows={data?.items} rowKey={(each) => `${each.server} ${each.about}`} loading={loading} problem={problem} retry={reload}
        empty="All engines are within meshd: there is no server behind it to examine." />
    </>
  );
}

interface Line {
  readonly line: Schemas["LogLine"];
  readonly index: number;
}
const kLevels: Readonly<Record<string, Tone>> = { info: "info", warn: "warning", error: "bad" };

function fieldsOf(line: Schemas["LogLine"]): readonly (readonly [string, string])[] {
  return Object.entries(line)
    .filter(([name]) => !["time", "level", "message"].includes(name))
    .map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)] as const);
}

const kLines: readonly Column<Line>[] = [
  { key: "time", head: "Time", cell: ({ line }) => <Time at={line.time} show="absolute" precise /> },
  { key: "level", head: "Level", cell: ({ line }) => <Badge tone={kLevels[line.level]}>{line.level}</Badge> },
  { key: "message", head: "Message", wide: true, cell: ({ line }) => (
    <span class="wrap">{line.message}{fieldsOf(line).map(([name, value]) => <span key={name} class="field-of"> <span class="muted">{name}=</span>{value}</span>)}</span>
  ) },
];

function Log() {
  const { filter = "", level } = useRoute().filters;
  const { data, problem, loading, reload } = useResource("logs", (signal) => get("/admin/v1/logs", { signal }), everyTenSeconds);
  const rows = useMemo(() => data?.items
    .map((line, index) => ({ line, index }))
    .filter(({ line }) => (!level || line.level === "warn" || line.level === "error") && JSON.stringify(line).toLowerCase().includes(filter.toLowerCase()))
    .reverse(), [data, filter, level]);
  return (
    <>
      <FilterBar label="Which lines">
        <TextFilter name="filter" label="Text" />
        <ChoiceFilter name="level" label="Level" choices={[["", "any"], ["warning", "warnings and errors"]]} />
      </FilterBar>
      <Table label="The last lines of this process, newest first" columns={kLines} rows={rows} rowKey={({ line, index }) => `${line.time} ${index}`} loading={loading} problem={problem} retry={reload} empty={<ShowAll />} />
    </>
  );
}

/** Each with its place in the address, and the same in a terminal. */
const kTabs: readonly (readonly [name: string, title: string, Part: () => JSX.Element, words: (filters: Filters) => readonly string[]])[] = [
  ["settings", "Settings", Settings, ({ filter, show }) => ["config", "list", ...(show ? ["--set"] : []), ...(filter ? [filter] : [])]],
  ["members", "Members", Members, () => ["members", "-o", "wide"]],
  ["servers", "Servers", Servers, () => ["doctor"]],
  ["log", "Log", Log, ({ level }) => ["logs", ...(level ? ["--level", "warn"] : [])]],
];

export function ConfigurationPage() {
  const { parts, filters } = useRoute();
  const [tab, , Part, words] = kTabs.find(([name]) => name === parts[0]) ?? kTabs[0]!;
  return (
    <>
      <PageHead title="Configuration" words={words(filters)} />
      <Tabs label="Of the mesh" current={tab} tabs={kTabs.map(([name, title]) => ({ name, title, href: href("configuration", name === "settings" ? [] : [name]) }))} />
      <Part />
    </>
  );
}
