// A problem as people need it: what, what to do next, and the name the log knows it by.
import type { Problem } from "../problem.ts";
import { several } from "../format.ts";

function next(problem: Problem): string {
  if (problem.retryAfter !== null) return `Try again in ${several(problem.retryAfter, "second")}.`;
  switch (problem.status) {
    case 0: return "The console tries again by itself once meshd answers.";
    case 403: return "This session may not do that: sign in with another, or ask whoever gave it to you.";
    case 404: return "It may have been removed, or be older than what is kept.";
    case 412: return "Something else was quicker: load it again and look.";
    default: return problem.status >= 500 ? "Try again; meshd's log has the reason, under the request's name." : "";
  }
}

/** `stale`: what stands below it is from before. */
export function ErrorBox({ problem, retry, stale }: { problem: Problem; retry?: (() => void) | undefined; stale?: boolean | undefined }) {
  const hint = next(problem);
  return (
    <div class="error-box" role="alert">
      <div>
        <strong>{problem.title}</strong>
        {problem.detail && <p>{problem.detail}</p>}
        {problem.errors.length > 0 && (
          <ul>{problem.errors.map((each) => <li key={each.pointer}><code>{each.pointer || "/"}</code> {each.detail}</li>)}</ul>
        )}
        {hint && <p class="muted">{hint}</p>}
        {stale && <p class="muted">What is shown below is from before.</p>}
        {problem.requestId && <p class="muted">Request <code>{problem.requestId}</code></p>}
      </div>
      {retry && <button type="button" class="button small" onClick={retry}>Try again</button>}
    </div>
  );
}
