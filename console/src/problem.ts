// What went wrong with a request, as people are told: RFC 9457, or no answer at all (status 0).

export interface FieldProblem {
  pointer: string;
  detail: string;
}

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly requestId: string,
    /** Seconds after which the server asks to try again; null: it did not say. */
    readonly retryAfter: number | null,
    readonly errors: readonly FieldProblem[],
  ) {
    super(detail || title);
  }

  /** Whether the same request may succeed later with nothing changed. */
  get passing(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

function text(value: unknown, otherwise: string): string {
  return typeof value === "string" ? value : otherwise;
}

export function problemOf(status: number, statusText: string, body: unknown, headers: Headers): Problem {
  const said = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  const after = Number(headers.get("Retry-After") ?? NaN);
  const errors = Array.isArray(said["errors"]) ? said["errors"] : [];
  return new Problem(
    status,
    text(said["title"], statusText || `status ${status}`),
    text(said["detail"], ""),
    text(said["request_id"], headers.get("X-Request-Id") ?? ""),
    Number.isFinite(after) ? after : null,
    errors.map((each) => ({
      pointer: text((each as FieldProblem | null)?.pointer, ""),
      detail: text((each as FieldProblem | null)?.detail, ""),
    })),
  );
}

export function noAnswer(): Problem {
  return new Problem(0, "No answer", "meshd cannot be reached from here: is it running, and is the network there?", "", null, []);
}

export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem(-1, "The console failed", error instanceof Error ? error.message : String(error), "", null, []);
}
