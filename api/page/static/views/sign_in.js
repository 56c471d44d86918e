// Signing in with an API key, or by the one-time link that `likeness up` prints.
import { useEffect, useState } from "preact/hooks";
import { get, send, storeKey } from "../api.js";
import { html } from "../html.js";
import { Failure, Heading, Loading } from "../parts.js";

export function SignIn({ token, refusal, onSignedIn }) {
  const [error, setError] = useState(refusal);
  const [busy, setBusy] = useState(Boolean(token));
  const enter = async (key) => {
    // A header can't carry anything else.
    if (!/^[!-~]+$/.test(key)) throw new Error("An API key has plain letters, digits and signs alone. Copy it again.");
    await get("/me", { key });
    storeKey(key);
    onSignedIn();
  };
  const attempt = async (act) => {
    setBusy(true);
    try {
      await act();
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  useEffect(() => {
    if (!token) return;
    // It works once: it must not stay in the history.
    history.replaceState(null, "", "#/personas");
    attempt(async () => enter((await send("POST", "/sign-in", { token }, { key: null })).key)).finally(() =>
      dispatchEvent(new HashChangeEvent("hashchange")),
    );
  }, [token]);
  if (busy && token) return html`<${Loading} what="your account" />`;
  const submit = (event) => {
    event.preventDefault();
    attempt(() => enter(new FormData(event.target).get("key").trim()));
  };
  return html`<main class="sign-in">
    <img src="/page/icon.svg" alt="" width="56" height="56" />
    <${Heading}>Sign in to Likeness<//>
    <form onSubmit=${submit}>
      <label for="key">API key</label>
      <input id="key" name="key" type="password" required autocomplete="current-password" spellcheck=${false} autofocus />
      <button class="main" disabled=${busy}>${busy ? "Signing in…" : "Sign in"}</button>
    </form>
    <${Failure} error=${error} />
    <p class="small">
      The key stays in this tab. The command <code>likeness up</code> prints a link that signs you in.${" "}
      With <code>likeness keys create ORGANISATION</code>, an operator makes a key.
    </p>
  </main>`;
}
