// The question before what cannot be undone: what will happen, in counts, the same in a terminal,
// and the name typed back where `mesh` asks for it.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { MeshCommand } from "../copy.tsx";
import { type Problem, asProblem } from "../problem.ts";
import { Dialog } from "./dialog.tsx";
import { ErrorBox } from "./error_box.tsx";
import { Field } from "./field.tsx";

export interface ConfirmProps {
  readonly title: string;
  /** What will happen. */
  readonly children: ComponentChildren;
  readonly action: string;  // "Cancel the task"
  readonly run: () => Promise<unknown>;
  readonly onClose: () => void;
  readonly typed?: string | undefined;  // has to be typed to go on
  readonly words?: readonly string[] | undefined;  // of `mesh`
  readonly danger?: boolean | undefined;
  readonly wide?: boolean | undefined;
  /** Something is missing yet, for example the dry run. */
  readonly disabled?: boolean | undefined;
}

/** Closes once `run` has; where that fails it stays, and says why. */
export function ConfirmDialog(props: ConfirmProps) {
  const [typed, type] = useState("");
  const [running, run] = useState(false);
  const [problem, fail] = useState<Problem | undefined>(undefined);
  const ready = !running && !props.disabled && (props.typed === undefined || typed === props.typed);
  const go = async (event: Event) => {
    event.preventDefault();
    if (!ready) return;
    run(true);
    fail(undefined);
    try {
      await props.run();
      props.onClose();
    } catch (error) {
      fail(asProblem(error));
      run(false);
    }
  };
  const actions = (
    <>
      <button type="button" class="button" onClick={props.onClose}>Leave it</button>
      <button type="submit" form="confirm" class={`button ${props.danger === false ? "primary" : "danger"}`} disabled={!ready}>
        {running ? "One moment …" : props.action}
      </button>
    </>
  );
  return (
    <Dialog title={props.title} onClose={props.onClose} actions={actions} wide={props.wide}>
      <form id="confirm" class="stack" onSubmit={(event) => void go(event)}>
        {props.children}
        {props.typed !== undefined && (
          <Field label={<>Type <code>{props.typed}</code> to go on</>}>
            <input value={typed} autocomplete="off" spellcheck={false} onInput={(event) => type(event.currentTarget.value)} />
          </Field>
        )}
        {props.words && <MeshCommand words={props.words} />}
        {problem && <ErrorBox problem={problem} />}
      </form>
    </Dialog>
  );
}
