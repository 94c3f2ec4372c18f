// What one can do with a generation, each behind a question that says what will happen.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { type Schemas, post } from "../api.ts";
import { ConfirmDialog } from "../components/confirm_dialog.tsx";
import { ErrorBox } from "../components/error_box.tsx";
import { Field } from "../components/field.tsx";
import { toast } from "../components/toast.tsx";
import { bytes, several } from "../format.ts";
import { useResource } from "../resource.ts";
import { href } from "../router.ts";
import { mayChange } from "../session.ts";

export type Generation = Schemas["Generation"];
export type EventGeneration = Schemas["EventGeneration"];

/** A button that asks first; it is not there where nothing may be changed. */
function Asking({ label, danger, small, dialog }: { label: string; danger?: boolean; small?: boolean | undefined; dialog: (close: () => void) => ComponentChildren }) {
  const [asking, ask] = useState(false);
  if (!mayChange()) return null;
  return (
    <>
      <button type="button" class={`button${small ? " small" : ""}${danger ? " danger" : ""}`} onClick={() => ask(true)}>{label}</button>
      {asking && dialog(() => ask(false))}
    </>
  );
}

function began(task: { id: string }): void {
  toast("The rebuild began", { to: href("tasks", [task.id]) });
}

function RebuildDialog({ type, close, done }: { type: string | undefined; close: () => void; done: () => void }) {
  const [embedder, setEmbedder] = useState("");
  const [model, setModel] = useState("");
  const [shadow, setShadow] = useState(false);
  const asked = { ...(embedder && { embedder }), ...(embedder === "static" && model && { model }) };
  const lacking = embedder === "static" && !model;
  const { data: plan, problem } = useResource(type !== undefined || lacking ? null : `rebuild plan?${JSON.stringify([asked, shadow])}`,
    (signal) => post("/admin/v1/indexes/rebuild", { body: { ...asked, shadow, dry_run: true }, signal }));
  const words = ["index", ...(type === undefined ? ["rebuild"] : ["rebuild-events", type]),
    ...(asked.embedder ? ["--embedder", asked.embedder] : []), ...(asked.model ? ["--model", asked.model] : []), ...(shadow ? ["--shadow"] : []), "--no-wait"];
  return (
    <ConfirmDialog title={type === undefined ? "Rebuild the index of users?" : `Rebuild the index of ${type}?`} action={shadow ? "Build a shadow" : "Rebuild"} words={words} danger={false}
      onClose={close} disabled={lacking || (type === undefined && (!plan || problem !== undefined))}
      run={async () => {
        const task = type === undefined
          ? await post("/admin/v1/indexes/rebuild", { body: { ...asked, shadow, dry_run: false } })
          : await post("/admin/v1/indexes/events/rebuild", { body: { type, ...asked } });
        if ("id" in task) began(task);
        done();
      }}>
      <p>
        A new generation is built from the log, while the present one goes on answering. {shadow
          ? "It then follows the log and is not served: compare it, then serve or drop it."
          : "Once it has caught up it serves; the present one is kept, to roll back to."}
      </p>
      <Field label="Embedder">
        <select value={embedder} onChange={(event) => setEmbedder(event.currentTarget.value)}>
          <option value="">the configured one</option>
          <option value="hashing">hashing</option>
          <option value="static">static</option>
        </select>
      </Field>
      {embedder === "static" && (
        <Field label="Folder of the model" hint="Absolute, and at the same place on every process's machine.">
          <input value={model} placeholder="/var/lib/mesh/models/names" spellcheck={false} autocomplete="off" onChange={(event) => setModel(event.currentTarget.value.trim())} />
        </Field>
      )}
      {type === undefined && <label class="tick"><input type="checkbox" checked={shadow} onChange={(event) => setShadow(event.currentTarget.checked)} /> As a shadow: build it, do not serve it</label>}
      {problem && !lacking && <ErrorBox problem={problem} />}
      {plan && "dimension" in plan && !problem && !lacking && (
        <p role="status">It would be fed by <strong>{plan.embedder}</strong>, {several(plan.dimension, "dimension")}{plan.model && <>, of <code>{plan.model}</code></>}.</p>
      )}
    </ConfirmDialog>
  );
}

export function RebuildButton({ type, small, done }: { type?: string | undefined; small?: boolean; done: () => void }) {
  return <Asking label="Rebuild …" small={small} dialog={(close) => <RebuildDialog type={type} close={close} done={done} />} />;
}

function Named({ generation }: { generation: Generation | undefined }) {
  if (!generation) return <strong>none</strong>;
  return <><strong>{generation.name}</strong> ({generation.embedder}, {several(generation.vectors, "vector")})</>;
}

export function RollBackButton({ all, small, done }: { all: readonly Generation[]; small?: boolean; done: () => void }) {
  const previous = all.find(({ role }) => role === "previous");
  if (!previous) return null;
  return (
    <Asking label="Roll back …" small={small} dialog={(close) => (
      <ConfirmDialog title="Serve the generation before again?" action="Roll back" words={["index", "rollback"]} onClose={close}
        run={async () => { await post("/admin/v1/indexes/rollback", { body: {} }); toast(`${previous.name} serves again`); done(); }}>
        <p>Searches are answered by <Named generation={previous} /> again, in the place of <Named generation={all.find(({ serving }) => serving)} />.</p>
        <p>The one that serves now is kept: another roll back goes back to it.{previous.lag > 0 && ` ${previous.name} is ${several(previous.lag, "event")} behind the log: it has to catch up first.`}</p>
      </ConfirmDialog>
    )} />
  );
}

export function RollBackEventsButton({ previous, small, done }: { previous: EventGeneration; small?: boolean; done: () => void }) {
  const { type, name, events, embedder } = previous;
  return (
    <Asking label="Roll back …" small={small} dialog={(close) => (
      <ConfirmDialog title={`Serve the generation before of ${type} again?`} action="Roll back" words={["index", "rollback-events", type]} onClose={close}
        run={async () => { await post("/admin/v1/indexes/events/rollback", { body: { type } }); toast(`${name} serves again`); done(); }}>
        <p>Searches of {type} are answered by <strong>{name}</strong> ({embedder}, {several(events, "event")}) again. The one that serves now is kept.</p>
      </ConfirmDialog>
    )} />
  );
}

export function ServeButton({ one, all, small, done }: { one: Generation; all: readonly Generation[]; small?: boolean; done: () => void }) {
  if (one.serving || one.role === "building") return null;
  const gone = all.filter(({ role, number }) => role === "previous" && number !== one.number);
  return (
    <Asking label="Serve …" small={small} dialog={(close) => (
      <ConfirmDialog title={`Serve ${one.name}?`} action="Serve it" words={["index", "serve", String(one.number)]} onClose={close}
        run={async () => { await post("/admin/v1/indexes/serve", { body: { generation: one.number } }); toast(`${one.name} serves`); done(); }}>
        <p>Searches are answered by <Named generation={one} />, in the place of <Named generation={all.find(({ serving }) => serving)} />, which is kept to roll back to.</p>
        {gone.length > 0 && <p>Dropped with it: {gone.map(({ name }) => name).join(", ")}.</p>}
        {one.lag > 0 && <p>It is {several(one.lag, "event")} behind the log, and has to catch up first.</p>}
      </ConfirmDialog>
    )} />
  );
}

export function DropButton({ one, small, done }: { one: Generation; small?: boolean; done: () => void }) {
  if (one.serving || one.role === "building") return null;
  return (
    <Asking label="Drop …" danger small={small} dialog={(close) => (
      <ConfirmDialog title={`Drop ${one.name}?`} action="Drop it" words={["index", "drop", String(one.number), "--yes"]} onClose={close}
        run={async () => { await post("/admin/v1/indexes/drop", { body: { generation: one.number } }); toast(`${one.name} is dropped`); done(); }}>
        <p>{several(one.vectors, "vector")} of {several(one.tenants, "tenant")}, {bytes(one.bytes)}, are removed. To have them again takes a rebuild.{one.role === "previous" && " There is nothing to roll back to then."}</p>
      </ConfirmDialog>
    )} />
  );
}
