// What operators watch: the queue, the workers, dead letters and webhooks of all organisations.
import { useState } from "preact/hooks";
import { request, send } from "../api.js";
import { html } from "../html.js";
import { Empty, Failure, Heading, Loading, Status, useAction, useData } from "../parts.js";
import { KIND, between, date, duration } from "../words.js";

const LIVE = { every: 3000 };

export function Operations({ me }) {
  if (!me.scopes.includes("operate")) {
    return html`<${Heading}>Operations<//><${Empty} title="This key may not look here">
      <p>It crosses organisations: <code>likeness keys create ORGANISATION --scope operate</code> makes a key that may.</p><//>`;
  }
  return html`<${Heading}>Operations<//><${Queue} /><${Workers} /><${Letters} /><${Webhooks} />`;
}

/** A section with a table of what a call lists. */
function Listed({ id, title, columns, path, row, none, more }) {
  const [data, failure, reload] = useData(path, LIVE);
  const items = data?.items ?? data?.tiers;
  return html`<section aria-labelledby=${id}><div class="row heading"><h2 id=${id}>${title}</h2>${more}</div>
    <${Failure} error=${failure} again=${reload} />
    ${!items && !failure && html`<${Loading} what=${title.toLowerCase()} />`}
    ${items?.length === 0 && html`<p class="small">${none}</p>`}
    ${items?.length > 0 &&
    html`<div class="scroll" tabindex="0" role="region" aria-labelledby=${id}><table>
      <thead><tr>${columns.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
      <tbody>${items.map((item) => row(item, reload))}</tbody></table></div>`}
  </section>`;
}

const Queue = () => html`<${Listed} id="queue" title="Queue" path="/operations/queue" none="Nothing is queued."
  columns=${["Tier", "Waiting", "Parked", "Held by workers", "Oldest has waited"]}
  row=${(tier) => html`<tr key=${tier.tier}><td>${tier.tier}</td><td>${tier.waiting}</td><td>${tier.parked}</td><td>${tier.held}</td>
    <td>${tier.waiting ? duration(tier.oldestWaitingSeconds) : "–"}</td></tr>`} />`;

const Workers = () => html`<${Listed} id="workers" title="Workers" path="/operations/workers"
  none="No worker is running: jobs wait until one starts (likeness worker)."
  columns=${["Worker", "Profile", "Device", "State", "Holds"]}
  row=${(one) => html`<tr key=${one.node}>
    <td><code>${one.node}</code>${one.version && html`<span class="small"> ${one.version}</span>`}</td>
    <td>${one.profile ?? "–"}</td><td>${one.device ?? "–"}</td>
    <td>${one.ready ? html`<${Status} of="ready" />` : html`<${Status} of="failed">not ready<//><span class="small"> ${one.reasons?.join(", ")}</span>`}</td>
    <td>${one.jobs?.length ? one.jobs.map((job) => html`<div><code>${job.jobId}</code>${job.since && html`<span class="small"> for ${between(job.since, Date.now())}</span>`}</div>`) : "–"}</td></tr>`} />`;

const Letters = () => html`<${Listed} id="letters" title="Dead letters" path="/operations/dead-letters?limit=50" none="There are no dead letters."
  columns=${["When", "Job", "Why", ""]}
  row=${(letter, reload) => html`<${Letter} key=${letter.letterId} letter=${letter} reload=${reload} />`} />`;

function Letter({ letter, reload }) {
  const path = `/operations/dead-letters/${encodeURIComponent(letter.letterId)}`;
  const [retry, retrying, refusedRetry] = useAction(async () => (await send("POST", `${path}/retry`), reload()));
  const [drop, dropping, refusedDrop] = useAction(async () => (await request(path, { method: "DELETE" }), reload()));
  return html`<tr>
    <td>${date(letter.at)}</td>
    <td>${letter.jobId ? html`<code>${letter.jobId}</code><div class="small">${KIND[letter.kind] ?? letter.kind}${letter.organisation && ` of ${letter.organisation}`}</div>` : "a message that is no job"}</td>
    <td>${letter.error.message}<div class="small"><code>${letter.error.code}</code>${letter.retriedAs && html` · retried as <code>${letter.retriedAs}</code>`}</div>
      <${Failure} error=${refusedRetry ?? refusedDrop} /></td>
    <td><div class="actions">
      ${letter.canRetry && html`<button type="button" disabled=${retrying} onClick=${retry}>Retry</button>`}
      <button type="button" disabled=${dropping} onClick=${drop}>Drop</button></div></td></tr>`;
}

const STATES = ["pending", "delivered", "failed"];

function Webhooks() {
  const [state, setState] = useState("");
  const path = `/operations/webhooks?${new URLSearchParams({ limit: "50", ...(state && { state }) })}`;
  const filter = html`<label class="inline">State<select value=${state} onChange=${(event) => setState(event.target.value)}>
    <option value="">all</option>${STATES.map((one) => html`<option>${one}</option>`)}</select></label>`;
  return html`<${Listed} id="webhooks" title="Webhooks" path=${path} none="No webhook was asked for." more=${filter}
    columns=${["Job", "To", "State", "Last answer", ""]}
    row=${(one, reload) => html`<${Delivery} key=${one.webhookId} delivery=${one} reload=${reload} />`} />`;
}

const COLOUR = { pending: "running", delivered: "completed", failed: "failed" };

function Delivery({ delivery, reload }) {
  const [replay, busy, error] = useAction(async () => {
    await send("POST", `/operations/webhooks/${encodeURIComponent(delivery.webhookId)}/replay`);
    reload();
  });
  return html`<tr>
    <td><code>${delivery.jobId}</code><div class="small">${delivery.type}</div></td>
    <td><code>${delivery.url}</code></td>
    <td><${Status} of=${COLOUR[delivery.state]}>${delivery.state}<//>
      ${delivery.nextTryAt && html`<div class="small">next try ${date(delivery.nextTryAt)}</div>`}</td>
    <td>${delivery.lastAnswer ?? "–"}<div class="small">${delivery.tries} ${delivery.tries === 1 ? "try" : "tries"}</div></td>
    <td>${delivery.state !== "pending" && html`<button type="button" disabled=${busy} onClick=${replay}>Replay</button>`}<${Failure} error=${error} /></td></tr>`;
}
