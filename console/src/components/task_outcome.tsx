// A task that was begun here, in place: how far it is, and what came of it. It is the server's.
import { get } from "../api.ts";
import { Progress, ended, kTaskTones, progressText } from "../pages/tasks.tsx";
import { useResource } from "../resource.ts";
import { href, setFilters } from "../router.ts";
import { Badge } from "./badge.tsx";
import { ErrorBox } from "./error_box.tsx";
import { toast } from "./toast.tsx";

/** Notes the task in the address, where `TaskOutcome` finds it, also after a reload. */
export function followTask(id: string, what: string): void {
  setFilters({ task: id }, { push: true });
  toast(`${what} goes on when this page is closed`, { to: href("tasks", [id]) });
}

export function TaskOutcome({ id }: { id: string }) {
  const { data: task, problem, reload } = useResource(`task ${id}`, (signal) => get("/admin/v1/tasks/{id}", { path: { id }, signal }), (sample) => sample.tasks.changed);
  const over = task !== undefined && ended(task);
  const died = task?.error || Number(task?.result?.["died_again"]) > 0;
  return (
    <section class="card stack" aria-label="The task" aria-live="polite">
      <div class="letter-actions">
        {task && <strong>{task.kind}</strong>}
        {task && <Badge tone={kTaskTones[task.state]}>{task.state}</Badge>}
        {task && !over && <Progress task={task} />}
        <span class={`spread${died ? " bad-text" : ""}`}>{task && (task.error || task.summary || progressText(task))}</span>
        <a href={href("tasks", [id])}>The task</a>
        <button type="button" class="button small quiet" onClick={() => setFilters({ task: null })}>Dismiss</button>
      </div>
      {problem && <ErrorBox problem={problem} retry={reload} stale={task !== undefined} />}
      {task && !over && <p class="muted">It goes on when this page is closed.</p>}
    </section>
  );
}
