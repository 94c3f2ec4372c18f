// Limits and quotas of a tenant, and changing them: what was and what will be before the word is given.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { type Schemas, del, patch, put } from "../api.ts";
import { Badge } from "../components/badge.tsx";
import { ConfirmDialog } from "../components/confirm_dialog.tsx";
import { Field } from "../components/field.tsx";
import { type Column, Table } from "../components/table.tsx";
import { Time } from "../components/time.tsx";
import { toast } from "../components/toast.tsx";
import { mayChange } from "../session.ts";
import { type Quota, kQuotas, parseAmount, parsePolicy, policyText, quotaText, throttled } from "../tenant_figures.ts";
import { LimitBar, QuotaBar, useLimits, useQuotas } from "./tenants_use.tsx";

type Limit = Schemas["RateLimit"];
type Scope = "search" | "publish" | "users" | "admin";

function BeforeAfter({ before, after }: { before: ComponentChildren; after: ComponentChildren }) {
  return (
    <dl class="before-after">
      <div><dt>Now</dt><dd><code>{before}</code></dd></div>
      <span aria-hidden="true">→</span>
      <div><dt>Then</dt><dd><code>{after}</code></dd></div>
    </dl>
  );
}

interface Asked {
  readonly what: "throttle" | "change" | "default" | "quota";
  readonly of: string;
}

function LimitDialog({ limit, what, onClose, done }: { limit: Limit; what: Asked["what"]; onClose: () => void; done: () => void }) {
  const { tenant, scope } = limit;
  const [text, type] = useState(policyText(what === "throttle" ? throttled(limit.policy) : (limit.policy ?? throttled(null))));
  const path = { tenant, scope: scope as Scope };
  const before = policyText(limit.policy);
  if (what === "default") {
    return (
      <ConfirmDialog title={`Back to the default for ${scope}?`} action="Take its own limit away" danger={false}
        words={["tenants", "update", tenant, "--rate-limit", `${scope}=none`]} onClose={onClose}
        run={async () => {
          await del("/admin/v1/ratelimits/{tenant}/{scope}", { path });
          toast(`${scope} of ${tenant} has the default limit`);
          done();
        }}>
        <BeforeAfter before={before} after="as the configuration says" />
        <p>The limit that the tenant has of its own goes; rate_limits.{scope} of the configuration holds at once.</p>
      </ConfirmDialog>
    );
  }
  const policy = parsePolicy(text);
  const after = policy ? `${policy.rate}/${policy.per}${policy.burst === undefined ? "" : `+${policy.burst}`}` : "–";
  return (
    <ConfirmDialog title={what === "throttle" ? `Throttle ${scope} of ${tenant}?` : `Limit of ${scope} of ${tenant}`} action={what === "throttle" ? "Throttle it" : "Set the limit"}
      danger={what === "throttle"} disabled={!policy || after === before} words={["ratelimit", "set", tenant, scope, policy ? after : "RATE/PER+BURST"]} onClose={onClose}
      run={async () => {
        if (!policy) return;
        await put("/admin/v1/ratelimits/{tenant}/{scope}", { path, body: policy });
        toast(`${scope} of ${tenant}: ${after}`);
        done();
      }}>
      <Field label="Units a period, and how many beyond at once" hint="RATE/PER+BURST, such as 30/1m+10; without +BURST those of one period may come at once">
        <input value={text} autocomplete="off" spellcheck={false} aria-invalid={!policy} onInput={(event) => type(event.currentTarget.value)} />
      </Field>
      <BeforeAfter before={before} after={after} />
      <p>It holds at once, at all processes. What goes beyond is refused with 429, and comes through when it is tried again later.</p>
    </ConfirmDialog>
  );
}

interface QuotaRow {
  readonly quota: Quota;
  readonly state: Schemas["QuotaState"] | undefined;
}

function QuotaDialog({ tenant, row, onClose, done }: { tenant: Schemas["Tenant"]; row: QuotaRow; onClose: () => void; done: () => void }) {
  const { quota, state } = row;
  const [text, type] = useState(state ? String(state.limit) : "");
  const amount = parseAmount(text);
  const show = (value: number | undefined) => (value === undefined ? "no quota" : quotaText(quota, value));
  const below = typeof amount === "number" && state !== undefined && amount <= state.used;
  return (
    <ConfirmDialog title={`${kQuotas[quota]} of ${tenant.id}`} action={amount === undefined ? "Take the quota away" : "Set the quota"} danger={below}
      disabled={amount === null || amount === state?.limit} words={["tenants", "update", tenant.id, "--quota", `${quota}=${amount ?? "none"}`]} onClose={onClose}
      run={async () => {
        await patch("/admin/v1/tenants/{tenant}", {
          path: { tenant: tenant.id }, headers: { "If-Match": `"${tenant.version}"` }, body: { quotas: { [quota]: amount ?? null } },
        });
        toast(`${kQuotas[quota]} of ${tenant.id}: ${show(amount ?? undefined)}`);
        done();
      }}>
      <Field label={kQuotas[quota]} hint="Nothing: no quota">
        <input value={text} inputMode="numeric" autocomplete="off" aria-invalid={amount === null} onInput={(event) => type(event.currentTarget.value)} />
      </Field>
      <BeforeAfter before={show(state?.limit)} after={amount === null ? "–" : show(amount)} />
      {below && <p><strong>{quotaText(quota, state.used)} are used already</strong>: more is refused{state.ends && <> until it begins anew, <Time at={state.ends} /></>}.</p>}
    </ConfirmDialog>
  );
}

export function TenantLimits({ id, tenant, reload }: { id: string; tenant: Schemas["Tenant"] | undefined; reload: () => void }) {
  const [asked, ask] = useState<Asked | null>(null);
  const limits = useLimits(id);
  const quotas = useQuotas(id, tenant !== undefined);
  const may = mayChange() && tenant !== undefined;
  const done = () => {
    limits.reload();
    quotas.reload();
    reload();
  };
  const close = () => ask(null);
  const button = (what: Asked["what"], of: string, text: string, more = "") => (
    <button type="button" class={`button small ${more}`} aria-label={`${text} ${of}`} onClick={() => ask({ what, of })}>{text} …</button>
  );
  const limitColumns: readonly Column<Limit>[] = [
    { key: "scope", head: "Of", cell: (row) => row.scope },
    { key: "policy", head: "Limit", cell: (row) => <code>{policyText(row.policy)}</code> },
    { key: "source", head: "Whose", cell: (row) => <Badge tone={row.source === "tenant" ? "info" : "plain"}>{row.source === "tenant" ? "its own" : "default"}</Badge> },
    { key: "used", head: "Used at this moment", wide: true, cell: (row) => <LimitBar limit={row} /> },
    ...(may ? [{
      key: "do", head: "Change", align: "end" as const, cell: (row: Limit) => (
        <span class="row-actions">
          {row.source === "tenant" && button("default", row.scope, "Default", "quiet")}
          {button("change", row.scope, "Change")}
          {button("throttle", row.scope, "Throttle", "danger")}
        </span>
      ),
    }] : []),
  ];
  const rows = (Object.keys(kQuotas) as Quota[]).map((quota): QuotaRow => ({ quota, state: quotas.data?.items.find((each) => each.quota === quota) }));
  const quotaColumns: readonly Column<QuotaRow>[] = [
    { key: "quota", head: "Quota", cell: (row) => kQuotas[row.quota] },
    { key: "limit", head: "Bound", cell: (row) => (row.state ? <code>{quotaText(row.quota, row.state.limit)}</code> : <span class="muted">none</span>) },
    { key: "used", head: "Used", wide: true, cell: (row) => row.state && <QuotaBar state={row.state} /> },
    { key: "ends", head: "Begins anew", cell: (row) => <Time at={row.state?.ends} /> },
    ...(may ? [{ key: "do", head: "Change", align: "end" as const, cell: (row: QuotaRow) => <span class="row-actions">{button("quota", row.quota, row.state ? "Change" : "Set")}</span> }] : []),
  ];
  const limit = asked && limits.data?.items.find(({ scope }) => scope === asked.of);
  const quota = asked?.what === "quota" ? rows.find((row) => row.quota === asked.of) : undefined;
  const unused = limits.problem?.status === 404;
  return (
    <>
      <section>
        <h2>Rate limits</h2>
        <Table label="Rate limits" columns={limitColumns} rows={unused ? [] : limits.data?.items} rowKey={(row) => row.scope}
          problem={unused ? undefined : limits.problem} retry={limits.reload} empty="Nobody has used it, and it has no record: there is nothing to limit." />
      </section>
      {tenant && (
        <section>
          <h2>Quotas</h2>
          <Table label="Quotas" columns={quotaColumns} rows={quotas.data && rows} rowKey={(row) => row.quota} problem={quotas.problem} retry={quotas.reload} />
        </section>
      )}
      {asked && limit && <LimitDialog limit={limit} what={asked.what} onClose={close} done={done} />}
      {quota && tenant && <QuotaDialog tenant={tenant} row={quota} onClose={close} done={done} />}
    </>
  );
}
