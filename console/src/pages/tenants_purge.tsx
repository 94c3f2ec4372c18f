// Erasing a tenant, in three steps that all have an address: what there is, the question, the work with
// its receipt. The counts are a task of the server, so is the work; both go on when the page is closed.
import { useState } from "preact/hooks";
import { type Schemas, get, post } from "../api.ts";
import { Badge } from "../components/badge.tsx";
import { ConfirmDialog } from "../components/confirm_dialog.tsx";
import { ErrorBox } from "../components/error_box.tsx";
import { Json } from "../components/json.tsx";
import { type Column, Table } from "../components/table.tsx";
import { Time } from "../components/time.tsx";
import { MeshCommand } from "../copy.tsx";
import { count, duration, percent, several } from "../format.ts";
import { type Problem, asProblem } from "../problem.ts";
import { type Resource, useResource } from "../resource.ts";
import { href, setFilters, useRoute } from "../router.ts";
import { mayChange, session } from "../session.ts";
import { type PurgePart, purgeParts, purgeSums } from "../tenant_figures.ts";

type Task = Schemas["Task"];

function useTask(id: string | undefined): Resource<Task> {
  return useResource(id ? `task ${id}` : null, (signal) => get("/admin/v1/tasks/{id}", { path: { id: id ?? "" }, signal }), (sample) => sample.tasks?.changed);
}

const kColumns: readonly Column<PurgePart>[] = [
  { key: "place", head: "Where", cell: (part) => <code>{part.place}</code>, sort: (part) => part.place },
  { key: "count", head: "There", align: "end", cell: (part) => count(part.count), sort: (part) => part.count },
  { key: "erased", head: "Erased", align: "end", cell: (part) => count(part.erased), sort: (part) => part.erased },
  { key: "what", head: "Goes", cell: (part) => part.count > 0 && <Badge tone={part.remains ? "warning" : "bad"}>{part.remains ? "remains" : "goes"}</Badge> },
  { key: "why", head: "Why it remains", wide: true, cell: (part) => part.count > 0 && <span class="wrap">{part.remains}</span> },
];

function Parts({ task, label }: { task: Task; label: string }) {
  const parts = purgeParts(task.result);
  const some = parts.filter((part) => part.count > 0 || part.erased > 0);
  return (
    <>
      <Table label={label} columns={kColumns} rows={some} rowKey={(part) => part.place} empty="Nothing is kept of it." />
      {parts.length > some.length && <p class="muted">In {several(parts.length - some.length, "other place")} there is nothing.</p>}
    </>
  );
}

function Working({ task }: { task: Task }) {
  const { done, total, remaining_seconds: left } = task.progress;
  return (
    <p class="progress wide" role="status">
      <progress max={total || 1} {...(total ? { value: done } : {})} aria-label="Progress" />
      {total ? `${percent(done / total)}, ${count(done)} of ${count(total)}` : task.summary}
      {left ? <span class="muted">{duration(left)} left</span> : null}
    </p>
  );
}

function ended({ state }: Task): boolean {
  return state === "done" || state === "failed" || state === "cancelled";
}

function Failed({ task }: { task: Task }) {
  if (task.state !== "failed" && task.state !== "cancelled") return null;
  return <div class="error-box" role="alert"><div><strong>{task.state === "failed" ? "It failed" : "It was cancelled"}</strong><p>{task.error || task.summary}</p></div></div>;
}

function download(name: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

function Receipt({ id, task }: { id: string; task: Task }) {
  const receipt = (task.result as { receipt?: unknown } | null)?.receipt;
  if (!receipt) return null;
  const text = JSON.stringify(receipt, null, 2);
  const name = `purge-${id}-${(task.finished_at ?? "").slice(0, 10)}.json`;
  return (
    <section class="stack">
      <div class="section-head">
        <h2>Receipt</h2>
        <MeshCommand words={["verify-receipt", name]} />
        {session.value?.may_export && <button type="button" class="button primary" onClick={() => download(name, `${text}\n`)}>Download the receipt</button>}
      </div>
      <Json label="Signed: what went, what remains and why" text={text} />
    </section>
  );
}

function TaskLine({ task, title }: { task: Task; title: string }) {
  return (
    <div class="section-head">
      <h2>{title}</h2>
      <Badge tone={task.state === "done" ? "good" : task.state === "failed" ? "bad" : task.state === "cancelled" ? "warning" : "info"}>{task.state}</Badge>
      <span class="muted">asked for <Time at={task.created_at} /> by {task.started_by}</span>
      <a href={href("tasks", [task.id])}>The task</a>
    </div>
  );
}

export function TenantPurge({ id }: { id: string }) {
  const { filters } = useRoute();
  const [asking, ask] = useState(false);
  const [busy, work] = useState(false);
  const [problem, fail] = useState<Problem | undefined>(undefined);
  const plan = useTask(filters["plan"]);
  const purge = useTask(filters["purge"]);
  const start = async (dry: boolean) => post("/admin/v1/tenants/{tenant}/purge", { path: { tenant: id }, body: { dry_run: dry } });
  const countIt = async () => {
    work(true);
    fail(undefined);
    try {
      const task = await start(true);
      setFilters({ plan: task.id, purge: null }, { push: true });
    } catch (error) {
      fail(asProblem(error));
    }
    work(false);
  };
  const ours = (task: Task | undefined) => (task && (task.spec as { tenant?: unknown }).tenant === id ? task : undefined);
  const planned = ours(plan.data);
  const purged = ours(purge.data);
  const parts = planned ? purgeParts(planned.result) : [];
  const { goes, stays } = purgeSums(parts);
  const counted = planned?.state === "done";
  return (
    <>
      <p class="lead">
        A purge erases all that is kept of {id}, and refuses its requests from its start on. At its end it is counted again, and a signed receipt says what went,
        what remains and why. Backups are not reached. First it is only counted.
      </p>
      {problem && <ErrorBox problem={problem} />}
      {mayChange() && !purged && (
        <p class="row-actions start">
          <button type="button" class={`button ${planned ? "" : "primary"}`} disabled={busy} onClick={() => void countIt()}>{planned ? "Count again" : "Count what there is"}</button>
          <button type="button" class="button danger" disabled={!counted || goes === 0} onClick={() => ask(true)}>Purge …</button>
        </p>
      )}
      {purge.problem && <ErrorBox problem={purge.problem} retry={purge.reload} stale={purged !== undefined} />}
      {purged && (
        <section class="stack">
          <TaskLine task={purged} title="The purge" />
          {!ended(purged) && <Working task={purged} />}
          {purged.state === "done" && <p>{purged.summary}</p>}
          <Failed task={purged} />
          {purgeParts(purged.result).length > 0 && <Parts task={purged} label="What was erased" />}
          <Receipt id={id} task={purged} />
        </section>
      )}
      {plan.problem && <ErrorBox problem={plan.problem} retry={plan.reload} stale={planned !== undefined} />}
      {planned && !purged && (
        <section class="stack">
          <TaskLine task={planned} title="What there is" />
          {!ended(planned) && <Working task={planned} />}
          <Failed task={planned} />
          {counted && <p><strong>{count(goes)}</strong> would go, <strong>{count(stays)}</strong> would remain.</p>}
          {counted && <Parts task={planned} label="What there is, place by place" />}
        </section>
      )}
      {!planned && !purged && <p><a href={href("tasks", [], { tenant: id })}>Purges before this one</a></p>}
      {asking && (
        <ConfirmDialog title={`Purge ${id}?`} action={`Erase ${count(goes)} for ever`} typed={id} words={["tenants", "purge", id, "--confirm", id]} onClose={() => ask(false)}
          run={async () => {
            const task = await start(false);
            setFilters({ purge: task.id }, { push: true });
          }}>
          <p><strong>{several(goes, "thing")} in {several(parts.filter((part) => part.count > 0 && !part.remains).length, "place")} will be erased.</strong> There is no way back but a backup.</p>
          <p>{count(stays)} remain, for the reasons that the plan names. From now on requests of {id} are refused.</p>
        </ConfirmDialog>
      )}
    </>
  );
}
