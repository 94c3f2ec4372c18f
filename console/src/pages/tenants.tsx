// Tenants: who there is, who is busy now, and all of one of them.
import { useState } from "preact/hooks";
import { type Schemas, get, post } from "../api.ts";
import { Badge } from "../components/badge.tsx";
import { ConfirmDialog } from "../components/confirm_dialog.tsx";
import { ErrorBox } from "../components/error_box.tsx";
import { ChoiceFilter, Field, FilterBar, TextFilter } from "../components/field.tsx";
import { PageHead } from "../components/page_head.tsx";
import { type Column, Table } from "../components/table.tsx";
import { Tabs } from "../components/tabs.tsx";
import { Time } from "../components/time.tsx";
import { toast } from "../components/toast.tsx";
import { bytes, duration, rate } from "../format.ts";
import { useResource } from "../resource.ts";
import { href, hrefWith, navigate, setFilters, useRoute } from "../router.ts";
import { mayChange } from "../session.ts";
import { kTenantId, policyText } from "../tenant_figures.ts";
import { milliseconds } from "../time.ts";
import { TenantLimits } from "./tenants_limits.tsx";
import { TenantPurge } from "./tenants_purge.tsx";
import { TenantRecord } from "./tenants_record.tsx";
import { TenantUse } from "./tenants_use.tsx";

type Tenant = Schemas["Tenant"];
type Busy = Schemas["TenantUsage"];

const kPage = 100;
const kBusyEvery = 10_000;
const kBusyAtOnce = 10;

const kSorts = [
  ["events", "events"], ["requests", "requests"], ["rejected", "refused requests"], ["bytes", "bytes"], ["searches", "searches"],
  ["search_ms", "time of searches"], ["queued_ms", "time in queues"], ["processed", "processed events"], ["stage_ms", "time of pipelines"], ["tokens", "tokens"],
] as const;
type Sort = (typeof kSorts)[number][0];

function busyColumns(window: number, sort: Sort): readonly Column<Busy>[] {
  const figure = (name: Sort, value: number) =>
    name.endsWith("_ms") ? `${duration(value / 1000 / window)}/s` : name === "bytes" ? `${bytes(value / window)}/s` : `${rate(value / window)}/s`;
  return [
    { key: "tenant", head: "Tenant", cell: (row) => row.tenant },
    ...kSorts.map(([key, title]): Column<Busy> => ({
      key, head: title.charAt(0).toUpperCase() + title.slice(1), align: "end",
      cell: (row) => (key === sort ? <strong>{figure(key, row[key])}</strong> : figure(key, row[key])),
    })),
  ];
}

function Busiest() {
  const asked = useRoute().filters["by"];
  const sort = kSorts.find(([name]) => name === asked)?.[0] ?? "events";
  const { data, problem, loading, reload } = useResource(
    `busiest?${sort}`,
    (signal) => get("/admin/v1/usage", { query: { window: "1m", sort, limit: kBusyAtOnce }, signal }),
    (sample) => Math.floor(Date.parse(sample.time) / kBusyEvery),
  );
  return (
    <section class="stack">
      <div class="section-head">
        <h2>Busiest in the last minute</h2>
        <FilterBar label="Busiest by what">
          <ChoiceFilter name="by" label="By" choices={kSorts.map(([name, title]) => [name === "events" ? "" : name, title] as const)} />
        </FilterBar>
      </div>
      <Table label="Busiest tenants" columns={busyColumns(data?.window_seconds ?? 60, sort)} rows={data?.tenants} rowKey={(row) => row.tenant}
        rowLink={(row) => href("tenants", [row.tenant])} loading={loading} problem={problem} retry={reload} empty="Nobody did anything in the last minute." />
    </section>
  );
}

function ownLimits(tenant: Tenant): string {
  const limits = Object.entries(tenant.rate_limits).map(([scope, policy]) => `${scope} ${policyText(policy)}`);
  const quotas = Object.keys(tenant.quotas ?? {}).length;
  return [...limits, ...(quotas > 0 ? [quotas === 1 ? "1 quota" : `${quotas} quotas`] : [])].join(", ");
}

export function TenantBadges({ tenant }: { tenant: Tenant }) {
  return (
    <>
      {tenant.closed && <Badge tone="bad" title="It was purged: requests of it are refused">closed</Badge>}
      {tenant.managed_by && <Badge tone="info" title="Files say what its record is (`mesh apply`): what is changed here lasts until they are applied again">managed by {tenant.managed_by}</Badge>}
    </>
  );
}

const kColumns: readonly Column<Tenant>[] = [
  { key: "id", head: "Tenant", cell: (tenant) => tenant.id, sort: (tenant) => tenant.id },
  { key: "name", head: "Name", cell: (tenant) => tenant.name, sort: (tenant) => tenant.name },
  { key: "state", head: "State", cell: (tenant) => <TenantBadges tenant={tenant} /> },
  { key: "own", head: "Its own limits", wide: true, cell: (tenant) => ownLimits(tenant) || <span class="muted">the defaults</span> },
  { key: "retention", head: "Retention", cell: (tenant) => tenant.retention ?? <span class="muted">default</span> },
  { key: "updated", head: "Changed", cell: (tenant) => <Time at={tenant.updated_at} />, sort: (tenant) => milliseconds(tenant.updated_at) },
];

/** `id` is fixed where the tenant is already used, and only its record is missing. */
export function CreateTenant({ id: fixed, onClose, done }: { id?: string | undefined; onClose: () => void; done: (id: string) => void }) {
  const [id, setId] = useState(fixed ?? "");
  const [name, setName] = useState("");
  const [unknown, setUnknown] = useState(false);
  const valid = kTenantId.test(id);
  return (
    <ConfirmDialog title={fixed ? `Make a record of ${fixed}` : "New tenant"} action="Create the tenant" danger={false} disabled={!valid} onClose={onClose}
      words={["tenants", "create", id || "ID", ...(name ? ["--name", name] : []), ...(unknown ? ["--unknown-types", "true"] : [])]}
      run={async () => {
        await post("/admin/v1/tenants", { body: { id, ...(name ? { name } : {}), allow_unknown_types: unknown } });
        toast(`${id} has a record`);
        done(id);
      }}>
      {!fixed && (
        <Field label="Id" hint="Lower-case letters, digits and dashes, at most 63; it cannot be changed later.">
          <input value={id} autocomplete="off" spellcheck={false} aria-invalid={id !== "" && !valid} onInput={(event) => setId(event.currentTarget.value.trim())} />
        </Field>
      )}
      <Field label="Name, for people"><input value={name} maxLength={200} autocomplete="off" onInput={(event) => setName(event.currentTarget.value)} /></Field>
      <label class="tick">
        <input type="checkbox" checked={unknown} onChange={(event) => setUnknown(event.currentTarget.checked)} />
        It may publish event types that are not in the catalogue
      </label>
      <p class="muted">Limits are the configuration's until it has its own, quotas there are none.</p>
    </ConfirmDialog>
  );
}

function TenantList() {
  const { filters } = useRoute();
  const { tenant, cursor } = filters;
  const [creating, create] = useState(false);
  const { data, problem, loading, reload } = useResource(
    `tenants?${tenant ?? ""}?${cursor ?? ""}`,
    (signal) => get("/admin/v1/tenants", { query: { tenant, cursor, limit: kPage }, signal }),
    (sample) => sample.topics?.["tenant.events"],
  );
  return (
    <>
      <PageHead title="Tenants" words={["tenants", "list", ...(tenant ? ["--tenant", tenant] : [])]}
        actions={mayChange() && <button type="button" class="button primary" onClick={() => create(true)}>New tenant …</button>} />
      {!cursor && !tenant && <Busiest />}
      <section class="stack">
        <div class="section-head">
          <h2>All with a record</h2>
          <FilterBar label="Which tenants"><TextFilter name="tenant" label="Tenant" placeholder="its whole id" pattern={kTenantId} /></FilterBar>
        </div>
        <Table label="Tenants by id" columns={kColumns} rows={data?.items} rowKey={(row) => row.id} rowLink={(row) => href("tenants", [row.id])}
          loading={loading} problem={problem} retry={reload}
          empty={tenant
            ? <>No record of {tenant}; it may be used without one. <a href={href("tenants", [tenant])}>Look</a> <button type="button" class="button small" onClick={() => setFilters({ tenant: null })}>Show all</button></>
            : "No tenant has a record yet; they may be used without one."} />
        {(cursor || data?.next) && (
          <nav class="pages" aria-label="Pages">
            {cursor && <a class="button small" href={hrefWith({ cursor: null })}>First page</a>}
            {data?.next && <a class="button small" href={hrefWith({ cursor: data.next })}>Next {kPage}</a>}
          </nav>
        )}
      </section>
      {creating && <CreateTenant onClose={() => create(false)} done={(id) => navigate(href("tenants", [id]))} />}
    </>
  );
}

const kTabs = [["use", "Use"], ["limits", "Limits"], ["record", "Record"], ["purge", "Purge"]] as const;

function wordsOf(tab: string, tenant: string): string[] {
  switch (tab) {
    case "limits": return ["ratelimit", "show", tenant];
    case "record": return ["tenants", "get", tenant];
    case "purge": return ["tenants", "purge", tenant, "--dry-run"];
    default: return ["tenants", "top", "--tenant", tenant, "--window", "1m"];
  }
}

function TenantDetails({ id, tab }: { id: string; tab: string }) {
  const [creating, create] = useState(false);
  const { data: tenant, problem, reload } = useResource(
    `tenant ${id}`,
    (signal) => get("/admin/v1/tenants/{tenant}", { path: { tenant: id }, signal }),
    (sample) => sample.topics?.["tenant.events"],
  );
  const missing = problem?.status === 404;
  return (
    <>
      <PageHead title={id} back={{ to: href("tenants"), title: "Tenants" }} words={wordsOf(tab, id)}
        aside={tenant && !missing && <>{tenant.name !== id && <span class="muted">{tenant.name}</span>}<TenantBadges tenant={tenant} /></>}
        actions={<><a class="button" href={href("events", [], { tenant: id })}>Events</a><a class="button" href={href("search", [], { tenant: id })}>Search</a></>} />
      {problem && !missing && <ErrorBox problem={problem} retry={reload} stale={tenant !== undefined} />}
      {missing && (
        <div class="card note">
          <p><strong>{id} has no record.</strong> <span class="muted">It may be used without one, by the configuration's limits and without quotas; with one it can have its own.</span></p>
          {mayChange() && kTenantId.test(id) && <button type="button" class="button" onClick={() => create(true)}>Make its record …</button>}
        </div>
      )}
      <Tabs label="Of the tenant" current={tab} tabs={kTabs.map(([name, title]) => ({ name, title, href: href("tenants", name === "use" ? [id] : [id, name]) }))} />
      {tab === "limits" ? <TenantLimits id={id} tenant={missing ? undefined : tenant} reload={reload} />
        : tab === "record" ? <TenantRecord id={id} tenant={missing ? undefined : tenant} />
        : tab === "purge" ? <TenantPurge id={id} />
        : <TenantUse id={id} recorded={!missing} />}
      {creating && <CreateTenant id={id} onClose={() => create(false)} done={reload} />}
    </>
  );
}

export function TenantsPage() {
  const [id, part] = useRoute().parts;
  if (id === undefined) return <TenantList />;
  return <TenantDetails key={id} id={id} tab={kTabs.find(([name]) => name === part)?.[0] ?? "use"} />;
}
