// What a tenant uses: of its limits and quotas now, and over time.
import { useMemo } from "preact/hooks";
import { type Schemas, get } from "../api.ts";
import { ErrorBox } from "../components/error_box.tsx";
import { ChoiceFilter, FilterBar } from "../components/field.tsx";
import { Plot } from "../components/plot.tsx";
import { type Column, Table } from "../components/table.tsx";
import { Tile, Tiles } from "../components/tiles.tsx";
import { Time, TimeRange } from "../components/time.tsx";
import { MeshCommand } from "../copy.tsx";
import { bytes, count, percent, rate } from "../format.ts";
import { bounds, parseRange } from "../range.ts";
import { useResource } from "../resource.ts";
import { useRoute } from "../router.ts";
import { type Quota, type UsageRow, kKindNames, kKinds, kQuotas, overTime, policyText, quotaText, stepFor, summed, toneOf } from "../tenant_figures.ts";
import { now, rfc3339 } from "../time.ts";

const kEvery = 10_000;
const kUsageEvery = 60_000;  // Totals are a minute behind anyway.
const kOtherwise = "30d";

/** How much of a bound is used; `used` of `limit` as text beside it. */
export function UseBar({ label, used, limit, text }: { label: string; used: number; limit: number; text: string }) {
  const share = limit > 0 ? used / limit : 1;
  return (
    <span class="use-bar">
      <progress class={toneOf(share)} max={1} value={Math.min(share, 1)} aria-label={label} />
      <span class={share >= 1 ? "refused" : undefined}>{text}</span>
      <span class="muted">{percent(share)}</span>
    </span>
  );
}

export function useQuotas(id: string, recorded: boolean) {
  return useResource(recorded ? `quotas ${id}` : null, (signal) => get("/admin/v1/tenants/{tenant}/quotas", { path: { tenant: id }, signal }),
    (sample) => [sample.topics?.["tenant.events"], Math.floor(Date.parse(sample.time) / kEvery)]);
}
export function useLimits(id: string) {
  return useResource(`ratelimits ${id}`, (signal) => get("/admin/v1/ratelimits/{tenant}", { path: { tenant: id }, signal }),
    (sample) => [sample.topics?.["tenant.events"], Math.floor(Date.parse(sample.time) / kEvery)]);
}

export function QuotaBar({ state: { quota, used, limit } }: { state: Schemas["QuotaState"] }) {
  return <UseBar label={kQuotas[quota as Quota] ?? quota} used={used} limit={limit} text={`${quotaText(quota as Quota, used)} of ${quotaText(quota as Quota, limit)}`} />;
}
export function LimitBar({ limit: { scope, limit, remaining } }: { limit: Schemas["RateLimit"] }) {
  if (limit === null || remaining === null) return <span class="muted">nothing limits it</span>;
  return <UseBar label={scope} used={limit - remaining} limit={limit} text={`${count(limit - remaining)} of ${count(limit)}`} />;
}

function JustNow({ id }: { id: string }) {
  const { data } = useResource(`just now ${id}`, (signal) => get("/admin/v1/usage", { query: { tenant: id, window: "1m" }, signal }),
    (sample) => Math.floor(Date.parse(sample.time) / kEvery));
  const one = data?.tenants.find(({ tenant }) => tenant === id);
  const perSecond = (value: number | undefined) => (data ? rate((value ?? 0) / data.window_seconds) : rate(null));
  return (
    <Tiles label="In the last minute">
      <Tile name="Requests" figure={perSecond(one?.requests)} unit="/s" note="in the last minute" />
      <Tile name="Refused" figure={perSecond(one?.rejected)} unit="/s" tone={one && one.rejected > 0 ? "warning" : undefined} />
      <Tile name="Events" figure={perSecond(one?.events)} unit="/s" note={data && one ? `${bytes(one.bytes / data.window_seconds)}/s` : undefined} />
      <Tile name="Searches" figure={perSecond(one?.searches)} unit="/s" />
    </Tiles>
  );
}

const kColumns: readonly Column<UsageRow>[] = [
  { key: "start", head: "From", cell: (row) => <Time at={row.start} show="absolute" />, sort: (row) => row.start },
  ...kKindNames.map((kind): Column<UsageRow> => ({ key: kind, head: kKinds[kind].title, align: "end", cell: (row) => kKinds[kind].figure(row[kind]), sort: (row) => row[kind] })),
];

function OverTime({ id }: { id: string }) {
  const { filters } = useRoute();
  const text = filters["range"] ?? kOtherwise;
  const range = parseRange(text) ?? { kind: "last" as const, text: kOtherwise, seconds: 30 * 86_400 };
  const { from, to } = bounds(range, now.peek());
  const asked = filters["by"];
  const step = asked === "minute" || asked === "hour" || asked === "day" ? asked : stepFor(from, to ?? now.peek(), now.peek());
  const since = range.kind === "last" ? range.text : rfc3339(range.from);
  const until = range.kind === "last" || range.to === null ? undefined : rfc3339(range.to);
  const query = { tenant: id, since, until };
  const every = (sample: { time: string }) => Math.floor(Date.parse(sample.time) / kUsageEvery);
  const { data, problem, loading, reload } = useResource(`usage ${id}?${since}?${until}?${step}`,
    (signal) => get("/admin/v1/usage/totals", { query: { ...query, by: step }, signal }), every);
  const rows = useMemo(() => (data?.items as UsageRow[] | undefined)?.slice().reverse(), [data]);
  const used = useMemo(() => kKindNames.filter((kind) => rows?.some((row) => row[kind] > 0)), [rows]);
  const plots = useMemo(() => {
    if (!data || !rows || data.by === "kind") return null;
    const drawn = overTime(rows, data.since, data.until, data.by);
    return used.map((kind, index) => (
      <Plot key={kind} title={kKinds[kind].title} time={drawn.time} figure={kKinds[kind].figure} tick={kKinds[kind].tick} height={110}
        series={[{ label: kKinds[kind].title, values: drawn.values[kind], colour: (index % 6) + 1 }]} />
    ));
  }, [data, rows]);
  return (
    <section class="stack">
      <div class="section-head">
        <h2>Over time</h2>
        <FilterBar label="Which time">
          <TimeRange otherwise={kOtherwise} />
          <ChoiceFilter name="by" label="By" choices={[["", `as fits (${step})`], ["minute", "minute"], ["hour", "hour"], ["day", "day"]]} />
        </FilterBar>
      </div>
      <MeshCommand words={["usage", "--tenant", id, "--since", since, ...(until ? ["--until", until] : []), "--by", step]} />
      {problem && <ErrorBox problem={problem} retry={reload} stale={data !== undefined} />}
      {used.length > 0 && (
        <Tiles label="In all of that time">
          {used.map((kind) => <Tile key={kind} name={kKinds[kind].title} figure={kKinds[kind].figure(summed(rows ?? [], kind))} note={kKinds[kind].flows ? "in all" : "at most"} />)}
        </Tiles>
      )}
      {plots && plots.length > 0 && <div class="plots">{plots}</div>}
      {!problem && (
        <Table label={`Use by ${step}`} columns={kColumns} rows={rows} rowKey={(row) => row.start} loading={loading}
          empty="Nothing was used in that time; what is used now is here a minute later." />
      )}
    </section>
  );
}

export function TenantUse({ id, recorded }: { id: string; recorded: boolean }) {
  const quotas = useQuotas(id, recorded);
  const limits = useLimits(id);
  return (
    <>
      <JustNow id={id} />
      <div class="columns">
        <section>
          <h2>Quotas</h2>
          <Table label="Quotas" rows={recorded ? quotas.data?.items : []} rowKey={(row) => row.quota} problem={quotas.problem} retry={quotas.reload} empty="No quota: what it may use is not bounded."
            columns={[
              { key: "quota", head: "Quota", cell: (row) => kQuotas[row.quota as Quota] ?? row.quota },
              { key: "used", head: "Used", cell: (row) => <QuotaBar state={row} /> },
              { key: "ends", head: "Anew", cell: (row) => <Time at={row.ends} /> },
            ]} />
        </section>
        <section>
          <h2>Rate limits</h2>
          <Table label="Rate limits" rows={limits.problem?.status === 404 ? [] : limits.data?.items} rowKey={(row) => row.scope}
            problem={limits.problem?.status === 404 ? undefined : limits.problem} retry={limits.reload} empty="Nobody has used it yet."
            columns={[
              { key: "scope", head: "Of", cell: (row) => row.scope },
              { key: "used", head: "Used at this moment", cell: (row) => <LimitBar limit={row} /> },
              { key: "policy", head: "Limit", cell: (row) => <code>{policyText(row.policy)}</code> },
            ]} />
        </section>
      </div>
      <OverTime id={id} />
    </>
  );
}
