// What is done with dead letters: mended, sent back, given up.
import type { paths } from "mesh-api";
import { useState } from "preact/hooks";
import { type Schemas, post, request, urlOf } from "../api.ts";
import { ConfirmDialog } from "../components/confirm_dialog.tsx";
import { ErrorBox } from "../components/error_box.tsx";
import { Field } from "../components/field.tsx";
import { followTask } from "../components/task_outcome.tsx";
import { toast } from "../components/toast.tsx";
import { duration, several } from "../format.ts";
import { Problem } from "../problem.ts";
import { useResource } from "../resource.ts";
import { href } from "../router.ts";
import { mayChange } from "../session.ts";
import { type Letter, type Scope, changed, dataText, eventMember, eventText, jsonFault, placeParts, pretty, scopeWords } from "./letters.ts";

const kMend = "/admin/v1/dlq/{topic}/letters/{letter}/mend" satisfies keyof paths;

async function mend(letter: Letter, event: string): Promise<Schemas["Mended"]> {
  const url = urlOf(kMend, { topic: letter.topic, letter: `${letter.partition}:${letter.offset}` });
  const send = async (text: string) => (await (await request("POST", url, undefined, { text })).json()) as Schemas["Mended"];
  try {
    return await send(event);
  } catch (error) {
    // Types of the catalogue have the subject that their data says, which may just have been mended.
    if (error instanceof Problem && error.errors.length === 1 && error.errors[0]?.pointer === "/subject") return send(changed(event, "subject"));
    throw error;
  }
}

function EditDialog({ letter, onClose, reload }: { letter: Letter; onClose: () => void; reload: () => void }) {
  const data = dataText(letter);
  const [whole, edit] = useState(data === null);
  const original = whole || data === null ? eventText(letter) : data;
  const [text, type] = useState(original);
  const fault = jsonFault(text);
  const change = (to: boolean) => {
    // What was typed goes into the whole.
    type(to ? fault ? eventText(letter) : pretty(changed(eventText(letter), "data", text)) : data ?? "");
    edit(to);
  };
  const id = eventMember(letter, "id");
  return (
    <ConfirmDialog title={id ? `Mend ${id}` : "Make an event of it"} action="Send it back" danger={false} wide disabled={fault !== "" || text === original} onClose={onClose}
      words={id ? ["dlq", "edit", letter.topic, "--id", id] : ["dlq", "show", letter.topic, "--cause", letter.fingerprint, "-o", "json"]}
      run={async () => {
        const { position } = await mend(letter, whole ? text : changed(eventText(letter), "data", text));
        const place = placeParts(position);
        toast(`Sent back: it stands at ${position} now`, place ? { to: href("events", place) } : {});
        reload();
      }}>
      <p><strong class="bad-text">{letter.cause_class}</strong> {letter.cause}</p>
      <Field label={whole ? "The event" : "The event's data"} hint={fault ? <span class="bad-text">{fault}</span> : "Checked as a published event is, it goes back to its topic and settles the letter: both or neither."}>
        <textarea rows={16} spellcheck={false} value={text} aria-invalid={fault !== ""} onInput={(event) => type(event.currentTarget.value)} />
      </Field>
      {data !== null && (
        <label class="tick"><input type="checkbox" checked={whole} onChange={() => change(!whole)} /> The whole event, with its attributes</label>
      )}
    </ConfirmDialog>
  );
}

// Seconds for which a redrive waits for what becomes of the events.
const kWait = 60;

function ChangeDialog({ redrive, scope, onClose }: { redrive: boolean; scope: Scope; onClose: () => void }) {
  const { topic, tenant, cause, id } = scope;
  const [typed, type] = useState("");
  const rate = /^[1-9]\d{0,5}$/.test(typed) ? Number(typed) : undefined;
  const wrong = typed !== "" && !rate;
  const call = (dry_run: boolean, signal?: AbortSignal) => {
    const filter = { ...(tenant && { tenant }), ...(cause && { cause }), ...(id && { id }), dry_run };
    return redrive
      ? post("/admin/v1/dlq/{topic}/redrive", { path: { topic }, body: { ...filter, wait: kWait, ...(rate && { rate }) }, signal })
      : post("/admin/v1/dlq/{topic}/purge", { path: { topic }, body: filter, signal });
  };
  const { data, problem, loading } = useResource(`${redrive} ${JSON.stringify(scope)}?${rate}`, (signal) => call(true, signal));
  const dry = data && "matching" in data ? data : undefined;
  const letters = dry && several(dry.matching, "letter");
  const verb = redrive ? "Redrive" : "Discard";
  return (
    <ConfirmDialog title={redrive ? "Redrive?" : "Discard for good?"} action={`${verb} ${letters ?? ""}`} danger={!redrive} onClose={onClose}
      disabled={!dry?.matching || loading || wrong} typed={!redrive && dry?.matching !== 1 ? topic : undefined}
      words={["dlq", redrive ? "redrive" : "purge", ...scopeWords(scope), ...(rate ? ["--rate", `${rate}/s`] : []), "--yes"]}
      run={async () => {
        const task = await call(false);
        if ("id" in task) followTask(task.id, redrive ? "The redrive" : "The purge");
      }}>
      {problem && <ErrorBox problem={problem} />}
      <p>
        <strong>{letters ?? "…"}</strong> of <code>{topic}</code>
        {tenant && <>, tenant <code>{tenant}</code></>}
        {cause && <>, cause <code>{cause}</code></>}
        {id && <>, event <code>{id}</code></>}
        {!tenant && !cause && !id && ", whatever tenant and cause"}.
        {redrive
          ? ` They go back to their topic and are processed again${dry?.seconds ? `, in ${duration(dry.seconds)} at that rate` : ""}.`
          : " They are given up for good: their events are never processed."}
      </p>
      {redrive && (
        <Field label="Letters a second, at most">
          <input inputMode="numeric" value={typed} placeholder="as fast as it can" aria-invalid={wrong} onInput={(event) => type(event.currentTarget.value.trim())} />
        </Field>
      )}
    </ConfirmDialog>
  );
}

/** Of a letter with `letter`, which may be edited, too; else of all that `scope` says. */
export function LetterActions({ scope, letter, reload, small }: { scope: Scope; letter?: Letter | undefined; reload: () => void; small?: boolean | undefined }) {
  const [asking, ask] = useState<"edit" | "redrive" | "purge" | null>(null);
  if (!mayChange()) return null;
  const close = () => ask(null);
  const look = small ? "button small" : "button";
  return (
    <>
      {letter && !letter.payload_hidden && <button type="button" class={look} onClick={() => ask("edit")}>Edit …</button>}
      {(!letter || scope.id) && <button type="button" class={look} onClick={() => ask("redrive")}>Redrive …</button>}
      {(!letter || scope.id) && <button type="button" class={`${look} danger`} onClick={() => ask("purge")}>Discard …</button>}
      {asking === "edit" && letter && <EditDialog letter={letter} onClose={close} reload={reload} />}
      {asking && asking !== "edit" && <ChangeDialog redrive={asking === "redrive"} scope={scope} onClose={close} />}
    </>
  );
}
