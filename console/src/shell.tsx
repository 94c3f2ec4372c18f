// The frame around every page.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Badge } from "./components/badge.tsx";
import { Dialog } from "./components/dialog.tsx";
import { Help } from "./components/help.tsx";
import { Palette } from "./components/palette.tsx";
import { Toasts, toast } from "./components/toast.tsx";
import { age, shortCount } from "./format.ts";
import { addShortcuts } from "./keyboard.ts";
import { connection, paused, sample } from "./live.ts";
import { kPages } from "./navigation.ts";
import { asProblem } from "./problem.ts";
import { href, navigate, useRoute } from "./router.ts";
import { session, signOut } from "./session.ts";
import { theme, toggleTheme } from "./theme.ts";
import { now, relative, toggleZone, zone } from "./time.ts";

/** What a page's line in the navigation says of the mesh just now. */
function navCount(page: string): { text: string; what: string } | null {
  const at = sample.value;
  if (!at) return null;
  const some = (value: number | null, what: string) => (value ? { text: shortCount(value), what } : null);
  if (page === "dead-letters") return some(at.dead_letters, "dead letters");
  if (page === "pipelines") return some(at.lag, "events behind");
  if (page === "tasks") return some(at.tasks.running, "running");
  return null;
}

function Nav({ onGo }: { onGo?: () => void }) {
  const { page } = useRoute();
  return (
    <nav class="nav" aria-label="Pages">
      {kPages.map(({ name, title, key }) => {
        const counted = navCount(name);
        return (
          <a key={name} href={href(name)} aria-current={page === name ? "page" : undefined} title={`g ${key}`} onClick={onGo}>
            <span>{title}</span>
            {counted && <span class="nav-count" title={counted.what}>{counted.text}<span class="off-screen"> {counted.what}</span></span>}
          </a>
        );
      })}
    </nav>
  );
}

function LiveSwitch() {
  const at = connection.value;
  const lost = at.state === "reconnecting" ? Math.max(now.value - at.since, 0) / 1000 : 0;
  const [tone, text] = paused.value
    ? ["plain", "Paused"] as const
    : at.state === "connected" ? ["good", "Live"] as const
    : at.state === "reconnecting" ? ["bad", lost < 1 ? "No connection" : `No connection for ${age(lost)}`] as const
    : ["plain", "Connecting"] as const;
  return (
    <button type="button" class={`button small live ${tone}`} aria-pressed={!paused.value}
      title={paused.value ? "Nothing moves: press to follow the mesh again" : "The page follows the mesh: press to hold it still"}
      onClick={() => (paused.value = !paused.value)}>
      <span class="dot" aria-hidden="true" />
      <span role="status">{text}</span>
    </button>
  );
}

function Switches({ kind }: { kind: string }) {
  return (
    <>
      <button type="button" class={`button small ${kind}`} title="Times in UTC or of this place" onClick={toggleZone}>{zone.value === "utc" ? "UTC" : "Local"}</button>
      <button type="button" class={`button small ${kind}`} title="Light or dark" onClick={toggleTheme}>{theme.value === "dark" ? "Dark" : "Light"}</button>
    </>
  );
}

function SessionMenu() {
  const known = session.value;
  const [open, show] = useState(false);
  if (!known) return null;
  const leave = () => signOut().catch((error: unknown) => toast(asProblem(error).message, { bad: true }));
  return (
    <>
      {known.read_only && <Badge tone="info" title="This session changes nothing">Read-only</Badge>}
      {known.hides_payloads && <Badge tone="info" title="This session sees no values of events">Payloads hidden</Badge>}
      <button type="button" class="button small quiet" aria-haspopup="dialog" onClick={() => show(true)}>{known.user}</button>
      {open && (
        <Dialog title="Session" onClose={() => show(false)}
          actions={<button type="button" class="button primary" onClick={() => { show(false); void leave(); }}>Sign out</button>}>
          <dl class="facts">
            <div><dt>Signed in as</dt><dd>{known.user}</dd></div>
            <div><dt>May change</dt><dd>{known.read_only ? "nothing" : "yes"}</dd></div>
            <div><dt>Sees payloads</dt><dd>{known.hides_payloads ? "no" : "yes"}</dd></div>
            <div><dt>May export</dt><dd>{known.may_export ? "yes" : "no"}</dd></div>
            {known.expires_at && <div><dt>Ends</dt><dd>{relative(known.expires_at)}</dd></div>}
            <div><dt>meshd</dt><dd>{known.version}</dd></div>
          </dl>
        </Dialog>
      )}
    </>
  );
}

export function Shell({ children }: { children: ComponentChildren }) {
  const { page, parts } = useRoute();
  const [open, show] = useState<"search" | "help" | "nav" | null>(null);
  useEffect(
    () =>
      addShortcuts([
        { keys: "/", what: "search: a page, a tenant, an id, words", run: () => show("search") },
        { keys: "?", what: "this help", run: () => show("help") },
        ...kPages.map(({ name, title, key }) => ({ keys: `g ${key}`, what: `go to ${title}`, run: () => navigate(href(name)) })),
      ]),
    [],
  );
  // Another view begins at its top; filters do not move it.
  useEffect(() => window.scrollTo(0, 0), [page, parts.join("/")]);
  const close = () => show(null);
  return (
    <div class="frame">
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); document.getElementById("main")?.focus(); }}>To the content</a>
      <header class="bar">
        <button type="button" class="button small menu" aria-haspopup="dialog" onClick={() => show("nav")}>Menu</button>
        <a class="brand" href={href("overview")}><span class="mark" aria-hidden="true" />mesh</a>
        <button type="button" class="search-button" aria-haspopup="dialog" onClick={() => show("search")}>
          <span>Search …</span><kbd aria-hidden="true">/</kbd>
        </button>
        <span class="spread" />
        <LiveSwitch />
        <Switches kind="quiet switch" />
        <button type="button" class="button small icon quiet help-button" aria-label="Keys" aria-haspopup="dialog" onClick={() => show("help")}>?</button>
        <SessionMenu />
      </header>
      <aside class="side"><Nav /></aside>
      <main id="main" tabIndex={-1}>{children}</main>
      {open === "search" && <Palette onClose={close} />}
      {open === "help" && <Help onClose={close} />}
      {open === "nav" && <Dialog title="Pages" kind="side" onClose={close}><Nav onGo={close} /><div class="switches"><Switches kind="" /></div></Dialog>}
      <Toasts />
    </div>
  );
}
