// Small parts that all views use.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { html } from "./html.js";
import { get } from "./api.js";
import { STATUS } from "./words.js";

/** A status in words and colour. */
export const Status = ({ of, children }) =>
  html`<span class=${`status ${of}`}>${children ?? STATUS[of] ?? of}</span>`;

/** An error's sentence, its code, and the way on. */
export const Failure = ({ error, again }) =>
  error &&
  html`<div class="notice bad" role="alert">
    <p>${error.message}</p>
    <p class="small">
      <code>${error.code ?? error.name}</code>${error.requestId && html` · <code>${error.requestId}</code>`}
      ${again && html` <button type="button" onClick=${again}>Try again</button>`}
    </p>
  </div>`;

export const Empty = ({ title, children }) => html`<div class="empty"><h2>${title}</h2>${children}</div>`;

export const Loading = ({ what }) => html`<p class="loading" role="status">Loading ${what}…</p>`;

/** A picture that says so where it can't be shown. Its box keeps its shape meanwhile. */
export function Picture({ src, alt, ...rest }) {
  const [broken, setBroken] = useState(null);
  if (!src || broken === src) {
    const name = alt ? { role: "img", "aria-label": alt } : { "aria-hidden": "true" };
    return html`<div class="picture none" ...${name}><span>no picture</span></div>`;
  }
  return html`<img class="picture" src=${src} alt=${alt} loading="lazy" onError=${() => setBroken(src)} ...${rest} />`;
}

/**
 * What a GET answers: `[data, error, reload]`. It is read again every `every` milliseconds while the tab shows, if
 * that is given. Data that was read once stays while it is read again.
 */
export function useData(path, { every } = {}) {
  const [state, setState] = useState({});
  const [round, setRound] = useState(0);
  const reload = useCallback(() => setRound((count) => count + 1), []);
  useEffect(() => {
    const aborted = new AbortController();
    const read = async () => {
      try {
        const data = await get(path, { signal: aborted.signal });
        setState({ path, data });
      } catch (error) {
        if (!aborted.signal.aborted) setState((before) => ({ ...(before.path === path && before), path, error }));
      }
    };
    read();
    const timer = every && setInterval(() => document.hidden || read(), every);
    return () => (aborted.abort(), clearInterval(timer));
  }, [path, round, every]);
  const { data, error } = state.path === path ? state : {};
  return [data, error, reload];
}

/** An action of a button: `[act, busy, error]`. It isn't started twice at once. */
export function useAction(act) {
  const [state, setState] = useState({ busy: false });
  const run = useRef(false);
  return [
    async (...given) => {
      if (run.current) return;
      run.current = true;
      setState({ busy: true });
      try {
        await act(...given);
        setState({ busy: false });
      } catch (error) {
        setState({ busy: false, error });
      } finally {
        run.current = false;
      }
    },
    state.busy,
    state.error,
  ];
}

/** A view's heading. It takes the focus when the view opens, so that a screen reader says where one is. */
export function Heading({ children }) {
  const heading = useRef();
  useEffect(() => {
    document.title = `${heading.current.textContent} · Likeness`;
  });
  useEffect(() => heading.current.focus({ preventScroll: true }), []);
  return html`<h1 tabindex="-1" ref=${heading}>${children}</h1>`;
}

/** A dialog over the page, which Escape and a click beside it close. */
export function Dialog({ title, onClose, children }) {
  const dialog = useRef();
  useEffect(() => dialog.current.showModal(), []);
  const beside = (event) => event.target === dialog.current && onClose();
  return html`<dialog ref=${dialog} onClose=${onClose} onClick=${beside} aria-label=${title}>
    <div class="dialog">
      <header>
        <h2>${title}</h2>
        <button type="button" class="plain" aria-label="Close" onClick=${onClose}>✕</button>
      </header>
      ${children}
    </div>
  </dialog>`;
}
