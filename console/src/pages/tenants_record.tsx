// What is kept of a tenant itself: its record, and event types of its own.
import { type Schemas, get } from "../api.ts";
import { ErrorBox } from "../components/error_box.tsx";
import { Json } from "../components/json.tsx";
import { Time } from "../components/time.tsx";
import { MeshCommand } from "../copy.tsx";
import { useResource } from "../resource.ts";

export function TenantRecord({ id, tenant }: { id: string; tenant: Schemas["Tenant"] | undefined }) {
  const { data: types, problem, reload } = useResource(tenant ? `types ${id}` : null, (signal) => get("/admin/v1/tenants/{tenant}/types", { path: { tenant: id }, signal }),
    (sample) => sample.topics?.["tenant.events"]);
  if (!tenant) return <p class="muted">There is no record to show.</p>;
  return (
    <>
      <section class="card">
        <dl class="facts">
          <div><dt>Name</dt><dd>{tenant.name}</dd></div>
          <div><dt>Made</dt><dd><Time at={tenant.created_at} show="absolute" /></dd></div>
          <div><dt>Changed</dt><dd><Time at={tenant.updated_at} show="absolute" /></dd></div>
          <div><dt>Version</dt><dd>{tenant.version}</dd></div>
          <div><dt>Other types</dt><dd>{tenant.allow_unknown_types ? "may be published" : "are refused"}</dd></div>
          <div><dt>Retention</dt><dd>{tenant.retention ?? "as the configuration says"}</dd></div>
          <div><dt>Its users may</dt><dd>{tenant.roles?.default === "reader" ? "read" : tenant.roles?.default === "publisher" ? "publish" : "do all"}, if they are not named</dd></div>
          <div><dt>Managed by</dt><dd>{tenant.managed_by ?? "nobody's files"}</dd></div>
        </dl>
      </section>
      <div class="columns">
        <section>
          <h2>Record</h2>
          <Json label="The record" text={JSON.stringify(tenant)} />
        </section>
        <section class="stack">
          <div class="section-head"><h2>Its own event types</h2><MeshCommand words={["types", "list", id]} /></div>
          {problem && <ErrorBox problem={problem} retry={reload} stale={types !== undefined} />}
          {types?.items.length === 0 && <p class="muted">None: it publishes those of the catalogue{tenant.allow_unknown_types && ", and any other without a schema"}.</p>}
          {types?.items.map((each) => (
            <Json key={each.type} label={`${each.type}, to ${each.topic}`} text={JSON.stringify(each.schema)} />
          ))}
        </section>
      </div>
    </>
  );
}
