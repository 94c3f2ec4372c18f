// What is kept of a tenant itself: its record, and event types of its own.
import { type Schemas, get } from "../api.ts";
import { ErrorBox } from "../components/error_box.tsx";
import { Json } from "../components/json.tsx";
import { MeshCommand } from "../copy.tsx";
import { useResource } from "../resource.ts";

export function TenantRecord({ id, tenant }: { id: string; tenant: Schemas["Tenant"] | undefined }) {
  const { data: types, problem, reload } = useResource(tenant ? `types ${id}` : null, (signal) => get("/admin/v1/tenants/{tenant}/types", { path: { tenant: id }, signal }),
    (sample) => sample.topics?.["tenant.events"]);
  if (!tenant) return <p class="muted">There is no record to show.</p>;
  return (
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
  );
}
