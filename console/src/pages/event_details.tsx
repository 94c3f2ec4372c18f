// One event: what it says, as it stands in the log, and where it has come to.
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { get } from "../api.ts";
import { Badge } from "../components/badge.tsx";
import { ErrorBox } from "../components/error_box.tsx";
import { Json } from "../components/json.tsx";
import { PageHead } from "../components/page_head.tsx";
import { Tabs } from "../components/tabs.tsx";
import { Time } from "../components/time.tsx";
import { Timeline } from "../components/timeline.tsx";
import { CopyButton, MeshCommand } from "../copy.tsx";
import { kNothing } from "../format.ts";
import { Problem } from "../problem.ts";
import { type Row, isLetterTopic, recordAt, recordOf } from "../records.ts";
import { useResource } from "../resource.ts";
import { href, hrefWith, useRoute } from "../router.ts";
import { milliseconds, withTimes } from "../time.ts";
import { kTraceTones, traceSteps } from "../trace_steps.ts";

export function placeText({ topic, partition, offset }: { topic: string; partition: number; offset: number }): string {
  return `${topic}/${partition}@${offset}`;
}
export function placeHref({ topic, partition, offset }: { topic: string; partition: number; offset: number }): string {
  return href("events", [topic, String(partition), String(offset)]);
}

function Trace({ id, row }: { id: string; row: Row | undefined }) {
  const topic = row && !isLetterTopic(row.topic) ? row.topic : undefined;
  // Of what came back from a dead letter the trace begins before this record.
  const cameBack = row && (row.headers["mesh_redriven_from"] ?? row.headers["mesh_mended_from"]);
  const from = topic && !cameBack ? String(row?.offset) : undefined;
  const status = useRef<string>("");
  const { data: trace, problem, reload } = useResource(
    `trace ${id}?${topic ?? ""}`,
    (signal) => get("/admin/v1/traces/{id}", { path: { id }, query: { topic, from }, signal }),
    (sample) => (status.current === "done" ? undefined : [sample.lag, sample.parked, sample.dead_letters]),
  );
  status.current = trace?.status ?? "";
  if (!row && !trace) return null;  // That there is none has been told of the record.
  return (
    <section class="stack">
      <div class="page-head">
        <div class="page-title">
          <h2>Trace</h2>
          {trace && <Badge tone={kTraceTones[trace.status]}>{trace.status}</Badge>}
        </div>
        <MeshCommand words={["trace", id, ...(topic ? ["--topic", topic] : [])]} />
      </div>
      {problem && <ErrorBox problem={problem} retry={reload} stale={trace !== undefined} />}
      {trace && <p class="muted">It {withTimes(trace.text)}.</p>}
      {trace && (
        <Timeline label="Trace of the event" steps={traceSteps(trace).map((step) => ({
          ...step,
          at: milliseconds(step.at),
          detail: (step.detail || step.letter || step.record) && (
            <>
              {step.detail}{step.detail && (step.letter || step.record) ? " · " : ""}
              {step.record && <a href={placeHref(step.record)}>{placeText(step.record)}</a>}
              {step.letter && <a href={href("dead-letters", [step.letter.topic], { id })}>the dead letter {placeText(step.letter)}</a>}
            </>
          ),
        }))} />
      )}
    </section>
  );
}

function Facts({ row }: { row: Row }) {
  const trace = row.traceparent?.split("-")[1];
  const facts: (readonly [string, ComponentChildren])[] = [
    ["Id", row.id && <><code>{row.id}</code><CopyButton text={row.id} /></>],
    ["Type", row.type && <a href={href("events", [], { topic: row.topic, type: row.type })}>{row.type}</a>],
    ["Tenant", row.tenant && <a href={href("tenants", [row.tenant])}>{row.tenant}</a>],
    ["Subject", row.subject],
    ["Source", row.source],
    ["In the log", <Time at={row.time} show="absolute" precise />],
    ["Happened", row.event_time && <Time at={row.event_time} show="absolute" precise />],
    ["Place", <a href={placeHref(row)}><code>{placeText(row)}</code></a>],
    ["Key", row.key && <a href={href("events", [], { topic: row.topic, key: row.key })}><code>{row.key}</code></a>],
    ["Sequence", row.sequence],
    ["Trace id", trace && <code>{trace}</code>],
  ];
  return (
    <dl class="facts">
      {facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value === null || value === undefined || value === "" ? kNothing : value}</dd></div>)}
    </dl>
  );
}

export function Payload({ row }: { row: Row }) {
  if (row.payload_hidden) return <p class="card muted">The data is hidden in this session.</p>;
  if (row.value === null && !row.value_base64) return <p class="card muted">No data: the record says that its key was removed.</p>;
  return <Json label={row.value_base64 ? "Data, as base64" : "Data"} text={row.data} />;
}

export function EventBody({ row, id }: { row: Row | undefined; id: string | null }) {
  const raw = useRoute().filters["view"] === "raw";
  return (
    <div class="stack">
      {row && (
        <Tabs label="How it is shown" current={raw ? "raw" : "decoded"} tabs={[
          { name: "decoded", title: "Decoded", href: hrefWith({ view: null }) },
          { name: "raw", title: "Raw", href: hrefWith({ view: "raw" }) },
        ]} />
      )}
      {row && raw && <Json label="The record, as the log has it" text={row.text} />}
      {row && !raw && (
        <>
          <section class="card"><Facts row={row} /></section>
          <Payload row={row} />
        </>
      )}
      {id !== null && !raw && <Trace key={id} id={id} row={row} />}
      {row && !raw && (
        <details class="card headers">
          <summary>Headers ({Object.keys(row.headers).length})</summary>
          <dl class="facts">
            {Object.entries(row.headers).map(([name, value]) => <div key={name}><dt>{name}</dt><dd><code>{value}</code></dd></div>)}
          </dl>
        </details>
      )}
    </div>
  );
}

/** A place whose record is gone, and an id that is not found, are told as the server would. */
export function useEvent(place: readonly string[] | null) {
  const topic = useRoute().filters["topic"];
  return useResource(place && `event ${place.join("/")}`, async (signal) => {
    if (place?.[0] === "id") return recordOf(place[1] ?? "", topic, signal);
    const [name = "", partition = "", offset = ""] = place ?? [];
    const row = await recordAt(name, partition, offset, signal);
    if (!row) throw new Problem(404, "No such record", `Partition ${partition} of ${name} has no record at offset ${offset}.`, "", null, []);
    return row;
  });
}

export function EventPage({ parts }: { parts: readonly string[] }) {
  const { data: row, problem, reload } = useEvent(parts);
  const asked = parts[0] === "id" ? parts[1] ?? "" : null;
  const id = row?.id ?? asked;
  const words = id === null
    ? ["events", "tail", "--topic", parts[0] ?? "", "--from", parts[2] ?? "0", "-n", "1"]
    : ["events", "get", id, ...(row ? ["--topic", row.topic] : [])];
  return (
    <>
      <PageHead title={row?.type ?? "Event"} words={words} back={{ to: href("events", [], { topic: asked === null ? parts[0] : undefined }), title: "Events" }}
        aside={<code class="muted">{id ?? (row && placeText(row))}</code>} />
      {problem && <ErrorBox problem={problem} retry={reload} />}
      {!row && !problem && <div class="empty" role="status">Loading …</div>}
      <EventBody row={row} id={row || problem ? id : null} />
    </>
  );
}
