// What one can do with a generation, each behind a question that says what will happen.
import { useState } from "preact/hooks";
import { post } from "../api.ts";
import { ConfirmDialog } from "../components/confirm_dialog.tsx";
import { ErrorBox } from "../components/error_box.tsx";
import { Field } from "../components/field.tsx";
import { toast } from "../components/toast.tsx";
import { bytes, several } from "../format.ts";
import { useResource } from "../resource.ts";
import { href } from "../router.ts";
import { mayChange } from "../session.ts";
import type { AnyGeneration, Generation } from "./indexes_data.ts";

interface Action {
  readonly label: string;
  readonly title: string;
  readonly text: string;
  readonly words: readonly string[];
  readonly run: () => Promise<unknown>;
}

export function holds(one: AnyGeneration): string {
  return "vectors" in one ? several(one.vectors, "vector") : several(one.events, "event");
}

function named(one: AnyGeneration): string {
  return `${one.name} (${one.embedder}, ${holds(one)})`;
}

function late({ lag }: Generation): string {
  return lag > 0 ? ` It is ${several(lag, "event")} behind the log, and has to catch up first.` : "";
}

function actionsOf(one: AnyGeneration, all: readonly AnyGeneration[]): Action[] {
  const { name, number, role, serving } = one;
  const before = all.find((each) => each.role === "previous" && ("type" in one ? "type" in each && each.type === one.type : true));
  const now = all.find((each) => each.serving);
  if (serving) {
    if (!before) return [];
    return [{
      label: "Roll back", title: `Serve ${before.name} again?`,
      text: `Searches will be answered by ${named(before)} in the place of ${named(one)}, which is kept: another roll back goes back to it.${"lag" in before ? late(before) : ""}`,
      words: ["index", ...("type" in one ? ["rollback-events", one.type] : ["rollback"])],
      run: () => "type" in one ? post("/admin/v1/indexes/events/rollback", { body: { type: one.type } }) : post("/admin/v1/indexes/rollback", { body: {} }),
    }];
  }
  if ("type" in one || role === "building") return [];
  return [
    {
      label: "Serve", title: `Serve ${name}?`,
      text: `Searches will be answered by ${named(one)} in the place of ${now ? named(now) : "none"}, which is kept to roll back to.${before && before !== one ? ` ${before.name} is dropped.` : ""}${late(one)}`,
      words: ["index", "serve", String(number)],
      run: () => post("/admin/v1/indexes/serve", { body: { generation: number } }),
    },
    {
      label: "Drop", title: `Drop ${name}?`,
      text: `${holds(one)} of ${several(one.tenants, "tenant")}, ${bytes(one.bytes)}, are removed. To have them again takes a rebuild.${role === "previous" ? " There is nothing to roll back to then." : ""}`,
      words: ["index", "drop", String(number)],
      run: () => post("/admin/v1/indexes/drop", { body: { generation: number } }),
    },
  ];
}

/** Roll back, serve and drop, where they can be done. */
export function Actions({ one, all, done }: { one: AnyGeneration; all: readonly AnyGeneration[]; done: () => void }) {
  const [asked, ask] = useState<Action | undefined>(undefined);
  if (!mayChange()) return null;
  return (
    <span class="row-actions">
      {actionsOf(one, all).map((each) => <button key={each.label} type="button" class={`button small${each.label === "Drop" ? " danger" : ""}`} onClick={() => ask(each)}>{each.label} …</button>)}
      {asked && (
        <ConfirmDialog title={asked.title} action={asked.label} words={asked.words} onClose={() => ask(undefined)}
          run={async () => { await asked.run(); toast(`${asked.label}: done`); done(); }}>
          <p>{asked.text}</p>
        </ConfirmDialog>
      )}
    </span>
  );
}

function RebuildDialog({ type, close }: { type: string | undefined; close: () => void }) {
  const [embedder, setEmbedder] = useState("");
  const [model, setModel] = useState("");
  const [shadow, setShadow] = useState(false);
  const asked = { ...(embedder && { embedder }), ...(embedder === "static" && { model }) };
  const { data: plan, problem } = useResource(type || asked.model === "" ? null : `rebuild ${JSON.stringify([asked, shadow])}`,
    (signal) => post("/admin/v1/indexes/rebuild", { body: { ...asked, shadow, dry_run: true }, signal }));
  const words = ["index", ...(type ? ["rebuild-events", type] : ["rebuild"]), ...Object.entries(asked).flatMap(([name, value]) => [`--${name}`, value]), ...(shadow ? ["--shadow"] : []), "--no-wait"];
  return (
    <ConfirmDialog title={`Rebuild the index of ${type ?? "users"}?`} action="Rebuild" words={words} danger={false} onClose={close} disabled={!type && (!plan || problem !== undefined)}
      run={async () => {
        const task = type
          ? await post("/admin/v1/indexes/events/rebuild", { body: { type, ...asked } })
          : await post("/admin/v1/indexes/rebuild", { body: { ...asked, shadow, dry_run: false } });
        if ("id" in task) toast("The rebuild began", { to: href("tasks", [task.id]) });
      }}>
      <p>
        A new generation is built from the log while the present one goes on answering. {shadow
          ? "It then follows the log and is not served: compare it, then serve or drop it."
          : "Once it has caught up it serves; the present one is kept to roll back to."}
      </p>
      <Field label="Embedder">
        <select value={embedder} onChange={(event) => setEmbedder(event.currentTarget.value)}>
          {["", "hashing", "static"].map((each) => <option key={each} value={each}>{each || "the configured one"}</option>)}
        </select>
      </Field>
      {embedder === "static" && (
        <Field label="Folder of the model" hint="Absolute, at the same place on the machine of every process.">
          <input value={model} spellcheck={false} onChange={(event) => setModel(event.currentTarget.value)} />
        </Field>
      )}
      {!type && <label class="tick"><input type="checkbox" checked={shadow} onChange={(event) => setShadow(event.currentTarget.checked)} /> Build it as a shadow, do not serve it</label>}
      {problem && <ErrorBox problem={problem} />}
      {plan && "dimension" in plan && <p role="status">By <strong>{plan.embedder}</strong>, {several(plan.dimension, "dimension")}{plan.model && `, ${plan.model}`}.</p>}
    </ConfirmDialog>
  );
}

/** Of users without a type. */
export function RebuildButton({ type, small }: { type?: string; small?: boolean }) {
  const [asking, ask] = useState(false);
  if (!mayChange()) return null;
  return (
    <>
      <button type="button" class={`button${small ? " small" : ""}`} onClick={() => ask(true)}>Rebuild …</button>
      {asking && <RebuildDialog type={type} close={() => ask(false)} />}
    </>
  );
}
