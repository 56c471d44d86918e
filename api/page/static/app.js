// The frame around the views: who is signed in, where one is, and whether the API answers.
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { forgetKey, get, onSignedOut, storedKey } from "./api.js";
import { html } from "./html.js";
import { Empty, Failure, Loading } from "./parts.js";
import { Compare } from "./views/compare.js";
import { Job } from "./views/job.js";
import { Jobs } from "./views/jobs.js";
import { Operations } from "./views/operations.js";
import { Persona } from "./views/persona.js";
import { Personas } from "./views/personas.js";
import { Provenance } from "./views/provenance.js";
import { SignIn } from "./views/sign_in.js";

// `:name` is one part of the address. The first that fits counts.
const ROUTES = [
  ["", Personas],
  ["personas", Personas],
  ["personas/:id", Persona],
  ["jobs", Jobs],
  ["jobs/:id", Job],
  ["jobs/:id/compare/:shot", Compare],
  ["images/:id", Provenance],
  ["operations", Operations],
];

function partsOf(hash) {
  try {
    return hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  } catch {
    // A stray `%`: no page has such an address.
    return [null];
  }
}

function routed(hash) {
  const parts = partsOf(hash);
  for (const [pattern, view] of ROUTES) {
    const wanted = pattern.split("/");
    if (wanted.length !== parts.length) continue;
    const given = {};
    if (wanted.every((part, at) => (part[0] === ":" ? (given[part.slice(1)] = parts[at]) : part === parts[at]))) {
      return { view, given };
    }
  }
  return {};
}

function useHash() {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const follow = () => setHash(location.hash);
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return hash;
}

function App() {
  const hash = useHash();
  const [me, setMe] = useState(null);
  const [failure, setFailure] = useState(null);
  const [round, setRound] = useState(0);
  onSignedOut((error) => (setMe(null), setFailure(error)));
  useEffect(() => {
    if (!storedKey()) return;
    setFailure(null);
    get("/me").then(setMe, setFailure);
  }, [round]);
  const again = () => setRound(round + 1);
  const token = hash.match(/^#\/sign-in\/(.+)$/)?.[1];
  if (token || !storedKey()) {
    return html`<${SignIn} token=${token} refusal=${failure} onSignedIn=${again} />`;
  }
  if (!me) return failure ? html`<main><${Failure} error=${failure} again=${again} /></main>` : html`<${Loading} what="your account" />`;
  const { view, given } = routed(hash);
  const signOut = () => (forgetKey(), setMe(null));
  return html`
    <${Top} me=${me} hash=${hash} onSignOut=${signOut} />
    <main id="main">
      ${view
        ? html`<${view} key=${hash} me=${me} ...${given} />`
        : html`<${Empty} title="There is no such page"><p><a href="#/personas">Personas</a> is where it begins.</p><//>`}
    </main>
  `;
}

function Top({ me, hash, onSignOut }) {
  const links = [["personas", "Personas"], ["jobs", "Jobs"]];
  if (me.scopes.includes("operate")) links.push(["operations", "Operations"]);
  const at = hash.replace(/^#\/?/, "").split("/")[0] || "personas";
  return html`<header class="top">
    <a class="skip" href="#main" onClick=${(event) => (event.preventDefault(), document.querySelector("h1")?.focus())}>Skip to the content</a>
    <a class="brand" href="#/personas"><img src="/page/icon.svg" alt="" width="28" height="28" />Likeness</a>
    <nav aria-label="Main">
      ${links.map(([path, name]) => html`<a href=${`#/${path}`} aria-current=${path === at ? "page" : null}>${name}</a>`)}
    </nav>
    <span class="who">${me.organisation}</span>
    <button type="button" class="plain" onClick=${onSignOut}>Sign out</button>
  </header>`;
}

render(html`<${App} />`, document.getElementById("app"));
