// Who one is: the cookie is the server's and not seen here, only what it stands for.
import { effect, signal } from "@preact/signals";
import { del, get, post, sessionLost } from "./api.ts";
import type { Session, SignIn } from "./contract.ts";
import { type Problem, asProblem } from "./problem.ts";

/** undefined until the server has answered. */
export const session = signal<Session | undefined>(undefined);
export const sessionProblem = signal<Problem | undefined>(undefined);

export async function loadSession(): Promise<void> {
  try {
    session.value = await get("/console/session");
    sessionProblem.value = undefined;
  } catch (error) {
    sessionProblem.value = asProblem(error);
  }
}

/** Throws a `Problem`, 401 where the token or the code is not known. */
export async function signIn(how: SignIn): Promise<void> {
  session.value = await post("/console/session", { body: how });
  sessionLost.value = false;
}

export async function signOut(): Promise<void> {
  await del("/console/session");
  await loadSession();
}

/** Whether what changes something is to be offered. The server refuses it anyway. */
export function mayChange(): boolean {
  return session.value?.read_only === false;
}

effect(() => {
  const known = session.peek();
  if (sessionLost.value && known) session.value = { ...known, signed_in: false };
});
