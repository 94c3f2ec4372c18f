// The console: who is signed in sees the page that the address names, everyone else the sign-in.
import { render } from "preact";
import { useEffect } from "preact/hooks";
import { ErrorBox } from "./components/error_box.tsx";
import { startKeyboard } from "./keyboard.ts";
import { startLive } from "./live.ts";
import { kViews } from "./pages/index.ts";
import { NotFound } from "./pages/not_found.tsx";
import { SignInPage } from "./pages/sign_in.tsx";
import { useRoute } from "./router.ts";
import { loadSession, session, sessionProblem } from "./session.ts";
import { Shell } from "./shell.tsx";
import "./theme.ts";

function Console() {
  const { page } = useRoute();
  const known = session.value;
  const problem = sessionProblem.value;
  useEffect(() => {
    if (!problem || known) return;
    const timer = setTimeout(() => void loadSession(), 3_000);
    return () => clearTimeout(timer);
  }, [problem, known]);
  if (!known) return problem ? <main class="alone"><ErrorBox problem={problem} retry={() => void loadSession()} /></main> : null;
  if (!known.signed_in || page === "sign-in") return <SignInPage />;
  const View = kViews[page];
  return <Shell>{View ? <View key={page} /> : <NotFound />}</Shell>;
}

const place = document.getElementById("app");
if (place) {
  startKeyboard();
  startLive();
  void loadSession();
  render(<Console />, place);
}
