// Signing in: by the operator's token, or by the code that `mesh console` made. It is shown in the
// place of any page, whose address stays: one is where one was afterwards.
import { useEffect, useState } from "preact/hooks";
import { ErrorBox } from "../components/error_box.tsx";
import { Field } from "../components/field.tsx";
import { MeshCommand } from "../copy.tsx";
import type { SignIn } from "../contract.ts";
import { type Problem, asProblem } from "../problem.ts";
import { href, navigate, useRoute } from "../router.ts";
import { session, signIn } from "../session.ts";

export function SignInPage() {
  const { page, filters } = useRoute();
  const code = page === "sign-in" ? filters["code"] : undefined;
  const [token, type] = useState("");
  const [readOnly, keepFromChanging] = useState(false);
  const [hides, hide] = useState(false);
  const [running, run] = useState(false);
  const [problem, fail] = useState<Problem | undefined>(undefined);

  const enter = async (how: SignIn) => {
    run(true);
    fail(undefined);
    try {
      await signIn(how);
      if (page === "sign-in") navigate(href("overview"), { replace: true });
    } catch (error) {
      fail(asProblem(error));
      run(false);
    }
  };
  useEffect(() => {
    document.title = "Sign in · mesh";
    if (code) {
      // Used once, it must not stay in the history.
      navigate(href("sign-in"), { replace: true });
      void enter({ code });
    } else if (page === "sign-in" && session.peek()?.signed_in) {
      navigate(href("overview"), { replace: true });
    }
  }, []);

  return (
    <main class="alone">
      <div class="card sign-in">
        <h1><span class="mark" aria-hidden="true" />mesh</h1>
        <form class="stack" onSubmit={(event) => {
          event.preventDefault();
          if (token.trim() !== "") void enter({ token: token.trim(), ...(readOnly ? { read_only: true } : {}), ...(hides ? { hides_payloads: true } : {}) });
        }}>
          <Field label="Operator's token" hint={<>It stands in <code>operator.token</code> of the data folder.</>}>
            <input type="password" value={token} autofocus autocomplete="off" spellcheck={false} onInput={(event) => type(event.currentTarget.value)} />
          </Field>
          <label class="tick"><input type="checkbox" checked={readOnly} onChange={() => keepFromChanging(!readOnly)} />Read-only</label>
          <label class="tick"><input type="checkbox" checked={hides} onChange={() => hide(!hides)} />Hide the payloads of events</label>
          {problem && <ErrorBox problem={problem} />}
          <button type="submit" class="button primary" disabled={running || token.trim() === ""}>{running ? "One moment …" : "Sign in"}</button>
        </form>
        <div class="stack">
          <p class="muted">Or from a terminal on the machine of meshd, without the token:</p>
          <MeshCommand words={["console"]} />
        </div>
      </div>
    </main>
  );
}
