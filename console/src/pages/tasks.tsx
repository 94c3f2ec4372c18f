// Long work at the server: what runs, how far it is, what came of it.
import { useState } from "preact/hooks";
import { type Schemas, get, post } from "../api.ts";
import { Badge, type Tone } from "../components/badge.tsx";
import { ConfirmDialog } from "../components/confirm_dialog.tsx";
import { ErrorBox } from "../components/error_box.tsx";
import { ChoiceFilter, FilterBar, TextFilter } from "../components/field.tsx";
import { Json } from "../components/json.tsx";
import { PageHead } from "../components/page_head.tsx";
import { type Column, Table } from "../components/table.tsx";
import { Time } from "../components/time.tsx";
import { toast } from "../components/toast.tsx";
import { count, duration, kNothing, percent, rate } from "../format.ts";
import { useResource } from "../resource.ts";
import { href, setFilters, useRoute } from "../router.ts";
import { mayChange } from "../session.ts";
import { milliseconds, now } from "../time.ts";

type Task = Schemas["Task"];

export const kTaskTones: Record<Task["state"], Tone> = { queued: "plain", running: "info", done: "good", failed: "bad", cancelled: "warning" };
export const kTenant = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

export function ended({ state }: Task): boolean {
  return state === "done" || state === "failed" || state === "cancelled";
}

function seconds(task: Task): number | null {
  const from = milliseconds(task.started_at);
  const to = milliseconds(task.finished_at) ?? (ended(task) ? null : now.value);
  return from === null || to === null ? null : Math.max(to - from, 0) / 1000;
}

export function progressText({ progress: { done, total, rate: perSecond } }: Task): string {
  return `${count(done)}${total ? ` of ${count(total)}` : ""}${perSecond ? `, ${rate(perSecond)}/s` : ""}`;
}

export function Progress({ task }: { task: Task }) {
  const { done, total } = task.progress;
  if (ended(task) || !total) return <span class="muted">{ended(task) ? count(done) : kNothing}</span>;
  return (
    <span class="progress">
      <progress max={total} value={done} aria-label="Progress" />
      {percent(done / total)}
    </span>
  );
}

const kColumns: readonly Column<Task>[] = [
  { key: "kind", head: "Kind", cell: (task) => task.kind, sort: (task) => task.kind },
  { key: "state", head: "State", cell: (task) => <Badge tone={kTaskTones[task.state]}>{task.state}</Badge>, sort: (task) => task.state },
  { key: "progress", head: "Progress", cell: (task) => <Progress task={task} /> },
  { key: "summary", head: "Result", wide: true, cell: (task) => task.error || task.summary },
  { key: "by", head: "By", cell: (task) => task.started_by, sort: (task) => task.started_by },
  { key: "created", head: "Asked for", cell: (task) => <Time at={task.created_at} />, sort: (task) => milliseconds(task.created_at) },
  { key: "took", head: "Took", align: "end", cell: (task) => duration(seconds(task)), sort: seconds },
];

function CancelButton({ task, reload }: { task: Task; reload: () => void }) {
  const [asking, ask] = useState(false);
  if (ended(task) || !mayChange()) return null;
  return (
    <>
      <button type="button" class="button danger" onClick={() => ask(true)}>Cancel …</button>
      {asking && (
        <ConfirmDialog title={`Cancel this ${task.kind}?`} action="Cancel the task" words={["tasks", "cancel", task.id]} onClose={() => ask(false)}
          run={async () => {
            await post("/admin/v1/tasks/{id}/cancel", { path: { id: task.id } });
            toast("The task was asked to stop");
            reload();
          }}>
          <p>
            It has done {progressText(task)}. What is done stays done, the rest is left; it stops at its next step.
          </p>
        </ConfirmDialog>
      )}
    </>
  );
}

function TaskDetails({ id }: { id: string }) {
  const { data: task, problem, reload } = useResource(`task ${id}`, (signal) => get("/admin/v1/tasks/{id}", { path: { id }, signal }), (sample) => [sample.tasks.changed]);
  const back = { to: href("tasks"), title: "Tasks" };
  if (!task) return <><PageHead title="Task" back={back} />{problem && <ErrorBox problem={problem} retry={reload} />}</>;
  return (
    <>
      <PageHead title={task.kind} back={back} words={["tasks", "get", id]}
        aside={<Badge tone={kTaskTones[task.state]}>{task.state}</Badge>} actions={<CancelButton task={task} reload={reload} />} />
      {problem && <ErrorBox problem={problem} retry={reload} stale />}
      {task.error && <div class="error-box" role="alert"><div><strong>It failed</strong><p>{task.error}</p></div></div>}
      <section class="card">
        <dl class="facts">
          <div><dt>Task</dt><dd><code>{task.id}</code></dd></div>
          <div><dt>Asked for</dt><dd><Time at={task.created_at} show="absolute" /> by {task.started_by}</dd></div>
          <div><dt>Began</dt><dd><Time at={task.started_at} show="absolute" /></dd></div>
          <div><dt>Ended</dt><dd><Time at={task.finished_at} show="absolute" /></dd></div>
          <div><dt>Took</dt><dd>{duration(seconds(task))}</dd></div>
          <div><dt>Progress</dt><dd>{progressText(task)}</dd></div>
          {!ended(task) && <div><dt>Left</dt><dd>{duration(task.progress.remaining_seconds)}</dd></div>}
          <div><dt>Result</dt><dd>{task.summary || kNothing}</dd></div>
        </dl>
      </section>
      <div class="columns">
        <Json label="What was asked" text={JSON.stringify(task.spec)} />
        {task.result && <Json label="What came of it" text={JSON.stringify(task.result)} />}
      </div>
    </>
  );
}

function TaskList() {
  const { tenant, state } = useRoute().filters;
  const { data, problem, loading, reload } = useResource(
    `tasks?${tenant ?? ""}`,
    (signal) => get("/admin/v1/tasks", { query: { tenant, limit: 200 }, signal }),
    (sample) => sample.tasks.changed,
  );
  const rows = state ? data?.items.filter((task) => task.state === state) : data?.items;
  return (
    <>
      <PageHead title="Tasks" words={["tasks", "list", ...(tenant ? ["--tenant", tenant] : [])]} />
      <FilterBar label="Which tasks">
        <TextFilter name="tenant" label="Tenant" placeholder="all" pattern={kTenant} />
        <ChoiceFilter name="state" label="State" choices={[["", "any"], ...Object.keys(kTaskTones).map((each) => [each, each] as const)]} />
      </FilterBar>
      <Table label="Tasks, newest first" columns={kColumns} rows={rows} rowKey={(task) => task.id} rowLink={(task) => href("tasks", [task.id])}
        loading={loading} problem={problem} retry={reload}
        empty={tenant || state
          ? <>No such task. <button type="button" class="button small" onClick={() => setFilters({ tenant: null, state: null }, { push: true })}>Show all</button></>
          : "No long work was started yet: replays, rebuilds, redrives and purges come here."} />
    </>
  );
}

export function TasksPage() {
  const [id] = useRoute().parts;
  return id === undefined ? <TaskList /> : <TaskDetails key={id} id={id} />;
}
