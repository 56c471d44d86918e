// A job: its references, and its images in the order asked for, as they come.
import { useEffect, useRef, useState } from "preact/hooks";
import { get, request, send } from "../api.js";
import { follow } from "../events.js";
import { html } from "../html.js";
import { after, begin } from "../job_state.js";
import { Failure, Heading, Loading, Picture, Status, useAction } from "../parts.js";
import { KIND, STAGE, STAGE_TIME, advice, between, date, duration, notJudged, ordinal, plural, reasons, score, shotName } from "../words.js";

export function Job({ id, me }) {
  const path = `/jobs/${encodeURIComponent(id)}`;
  const [job, failure, again] = useJob(id);
  const references = useReferences(job);
  const links = useFreshLinks(job);
  const [cancel, canceling, refusedCancel] = useAction(() => send("POST", `${path}/cancel`));
  const [retry, retrying, refusedRetry] = useAction(async () => {
    location.hash = `#/jobs/${(await send("POST", `${path}/retry`)).jobId}`;
  });
  if (!job) return failure ? html`<${Failure} error=${failure} again=${again} />` : html`<${Loading} what="the job" />`;
  const isRunning = job.status === "running";
  const mayRetry = me.scopes.includes("influencers:write") && ["failed", "canceled"].includes(job.status);
  // A job that failed has only those that show something.
  const tiles = [...job.tiles.values()].filter(({ phase }) => job.status !== "failed" || phase !== "waiting");
  return html`
    <div class="title">
      <div>
        <${Heading}>${KIND[job.kind] ?? job.kind}: ${job.asked?.name ?? job.influencerId}<//>
        <p class="row"><${Status} of=${job.status} /><code class="small">${job.jobId}</code>
          <a href=${`#/personas/${job.influencerId}`}>${job.asked?.sourceInfluencerId ? "the clone" : "the persona"}</a>
          ${job.asked?.sourceInfluencerId && html`<a href=${`#/personas/${job.asked.sourceInfluencerId}`}>its source</a>`}</p>
      </div>
      <div class="actions">
        ${isRunning && me.scopes.includes("jobs:cancel") &&
        html`<button type="button" disabled=${canceling || job.cancelRequested || job.stage === "finishing"} onClick=${cancel}>
          ${job.cancelRequested ? "Canceling…" : "Cancel"}</button>`}
        ${mayRetry && html`<button type="button" class=${job.error?.retryable === false ? "" : "main"} disabled=${retrying} onClick=${retry}>Retry</button>`}
      </div>
    </div>
    <${Failure} error=${failure ?? refusedCancel ?? refusedRetry} />
    <${Progress} job=${job} />
    <${Ending} job=${job} />
    ${references.length > 0 &&
    html`<section aria-labelledby="references"><h2 id="references">References</h2>
      <ul class="strip">${references.map((one, at) => html`<li key=${one.assetId} class=${isRejected(job, at) ? "unused" : ""}>
        <a href=${`#/images/${one.assetId}`}><${Picture} src=${one.thumbnailUrl ?? one.url} alt=${`Reference ${at + 1}${isRejected(job, at) ? ", which isn't used" : ""}; its provenance`} /></a></li>`)}</ul>
      <${Notes} job=${job} />
    </section>`}
    <section aria-labelledby="images"><h2 id="images">Images</h2>
      <ul class="tiles large" id="tiles">${tiles.map((tile) => html`<${Tile} key=${tile.shot} tile=${tile} job=${job} links=${links} compares=${references.length > 0} />`)}</ul>
      ${!tiles.length && isRunning && html`<p class="small">They show once a worker has the job.</p>`}
    </section>
    <${Facts} job=${job} />
  `;
}

/** The job's state, kept up by its events: `[state, error, again]`. */
function useJob(id) {
  const [state, setState] = useState(null);
  const [failure, setFailure] = useState(null);
  const [round, setRound] = useState(0);
  useEffect(() => {
    setFailure(null);
    const aborted = new AbortController();
    const signal = aborted.signal;
    (async () => {
      const path = `/jobs/${encodeURIComponent(id)}`;
      setState(begin(await get(path, { signal })));
      await follow(encodeURIComponent(id), {
        signal,
        onEvent: (event) => setState((before) => after(before, event)),
        onState: (link) => setState((before) => ({ ...before, link })),
      });
      // The record has what no event tells, such as times.
      const record = await get(path, { signal });
      setState((before) => ({ ...before, ...record }));
    })().catch((error) => signal.aborted || setFailure(error));
    return () => aborted.abort();
  }, [id, round]);
  return [state, failure, () => setRound(round + 1)];
}

/** The references as they are now. A source that was deleted since has none. */
function useReferences(job) {
  const [references, setReferences] = useState([]);
  const source = job?.asked?.sourceInfluencerId;
  useEffect(() => {
    if (source) get(`/influencers/${encodeURIComponent(source)}`).then((row) => setReferences(row.referenceImages), () => {});
  }, [source]);
  return references;
}

/** URLs of a completed job's images that work now: those in the record were signed when it was written. */
function useFreshLinks(job) {
  const [links, setLinks] = useState({});
  const ready = job?.status === "completed" && job.influencerId;
  useEffect(() => {
    if (!ready) return;
    get(`/influencers/${encodeURIComponent(ready)}`).then(
      (row) => setLinks(Object.fromEntries(row.referenceImages.map((one) => [one.assetId, one]))),
      () => {},
    );
  }, [ready]);
  return links;
}

const OLD = {
  away: "Connecting: what you see may be a moment old.",
  waits: "The API can't read the queue now, so what you see is old. It goes on by itself once the queue is back.",
};

function Progress({ job }) {
  if (job.status !== "running") return null;
  const done = [...job.tiles.values()].filter(({ phase }) => phase === "stored").length;
  const place = job.queuePlace && job.stage === "queued" ? `, about the ${ordinal(job.queuePlace)} in the queue` : "";
  return html`<div class="progress">
    <progress max="1" value=${job.progress} aria-label="Progress of the job"></progress>
    <p role="status">${STAGE[job.stage]}${place}${done > 0 && ` · ${done} of ${job.tiles.size} images stored`}${job.requeued && job.stage === "queued" && ` · again: ${job.requeued}`}</p>
    ${job.link in OLD && html`<p class="small warn" role="status">${OLD[job.link]}</p>`}
  </div>`;
}

function Ending({ job }) {
  if (job.error) {
    return html`<div class="notice bad" role="alert"><p>${job.error.message}</p>
      <p>${advice(job.error)}</p><p class="small"><code>${job.error.code}</code></p></div>`;
  }
  if (job.status === "canceled") return html`<div class="notice"><p>The job was canceled. Nothing of it was kept.</p></div>`;
  if (job.status === "running" && job.lastError) {
    return html`<div class="notice"><p>An attempt ended early: ${job.lastError.message}</p><p class="small">The job goes on by itself.</p></div>`;
  }
  return null;
}

const isRejected = (job, index) => (job.rejectedReferences ?? []).some((one) => one.index === index);

function Notes({ job }) {
  const rejected = (job.rejectedReferences ?? []).map((one) => `Reference ${one.index + 1} isn't used: ${one.message}`);
  const noted = (job.referenceNotes ?? []).map((one) => `Reference ${one.index + 1}: ${one.message}`);
  const all = [...rejected, ...noted];
  return all.length > 0 && html`<ul class="small plainlist">${all.map((text) => html`<li>${text}</li>`)}</ul>`;
}

function Tile({ tile, job, links, compares }) {
  const { shot, phase, image, best } = tile;
  const name = shotName(shot);
  const url = image && (links[image.assetId]?.thumbnailUrl ?? image.thumbnailUrl);
  const lastTry = tile.tries.at(-1);
  return html`<li class=${`tile ${phase}`} data-shot=${shot}>
    ${phase === "stored" && (compares
      ? html`<a href=${`#/jobs/${job.jobId}/compare/${shot}`}><${Picture} src=${url} alt=${`${name}; compare it with the references`} /></a>`
      : html`<a href=${`#/images/${image.assetId}`}><${Picture} src=${url} alt=${`${name}; its provenance`} /></a>`)}
    ${phase === "rendering" && html`<${Preview} job=${job} tile=${tile} name=${name} />`}
    ${phase === "waiting" && html`<div class="picture hole"><span>${job.status === "running" ? "waits" : "–"}</span></div>`}
    ${phase === "missed" && html`<${Picture} src=${best.evidenceUrl} alt=${`${name}, not taken: ${reasons(best.judgement.verdict)}`} />`}
    ${phase === "waiting" && tile.refused && html`<p class="small bad">Refused by the safety gate: ${tile.refused.rule}</p>`}
    <div class="row"><strong>${name}</strong><${Likeness} judgement=${(image ?? best)?.judgement} /></div>
    ${phase === "rendering" && html`<progress max=${tile.steps} value=${tile.step} aria-label=${`Steps of ${name}`}></progress>`}
    ${phase === "missed" && html`<p class="small bad">Not taken: ${reasons(best.judgement.verdict)}</p>`}
    ${notJudged(image?.judgement?.verdict) && html`<p class="small">Not judged: turned too far</p>`}
    ${lastTry && phase !== "missed" && html`<details class="small"><summary>${plural(tile.tries.length, "try", "tries")} missed</summary>
      <ul class="plainlist">${tile.tries.map((one) => html`<li>Try ${one.attempt}: ${reasons(one.judgement.verdict)}
${" "}(${score(one.judgement.scores.centroid)}${one.judgement.verdict.floor != null && `, needs ${score(one.judgement.verdict.floor)}`})</li>`)}</ul></details>`}
  </li>`;
}

function Likeness({ judgement }) {
  if (!judgement) return null;
  const { scores, verdict } = judgement;
  const passed = verdict.outcome === "pass";
  const title =
    scores.centroid == null
      ? "There is nothing to compare it with: the others are compared with it"
      : `Similarity to the references: ${score(scores.centroid)}${verdict.floor != null ? `, needed: ${score(verdict.floor)}` : ""}`;
  return html`<span class=${`score ${passed ? "pass" : "miss"}`} title=${title}>
    <span aria-hidden="true">${passed ? "✓" : "✕"} ${scores.centroid != null && score(scores.centroid)}</span><span class="hidden">${title}</span></span>`;
}

/** The shot on the device: a small picture of its latents, where the profile can make one. */
function Preview({ job, tile, name }) {
  const [url, setUrl] = useState(null);
  const etag = useRef(null);
  useEffect(() => {
    const aborted = new AbortController();
    const headers = etag.current ? { "If-None-Match": etag.current } : {};
    request(`/jobs/${job.jobId}/previews/${tile.shot}`, { headers, signal: aborted.signal })
      .then(async (response) => {
        if (response.status !== 200) return;
        etag.current = response.headers.get("ETag");
        setUrl(URL.createObjectURL(await response.blob()));
      })
      .catch(() => {});
    return () => aborted.abort();
  }, [tile.step]);
  useEffect(() => () => url && URL.revokeObjectURL(url), [url]);
  return html`<div class="picture hole at-work">
    ${url && html`<img src=${url} alt=${`${name}, as far as it is`} />`}
    <span>${tile.step} of ${tile.steps}</span>
  </div>`;
}

function Facts({ job }) {
  const stages = job.stageTimes ? stageDurations(job) : [];
  return html`<section aria-labelledby="facts"><h2 id="facts">Facts</h2><dl class="facts">
    <div><dt>Submitted</dt><dd>${date(job.submittedAt)}</dd></div>
    ${job.startedAt && html`<div><dt>Waited</dt><dd>${between(job.submittedAt, job.startedAt)}</dd></div>`}
    ${job.startedAt && job.finishedAt && html`<div><dt>Took</dt><dd>${between(job.startedAt, job.finishedAt)}</dd></div>`}
    ${stages.map(([stage, seconds]) => html`<div><dt>${STAGE_TIME[stage]}</dt><dd>${duration(seconds)}</dd></div>`)}
    ${job.worker && html`<div><dt>Worker</dt><dd><code>${job.worker}</code></dd></div>`}
    ${job.attempts > 1 && html`<div><dt>Attempts</dt><dd>${job.attempts}</dd></div>`}
    ${job.expiresAt && html`<div><dt>Must begin by</dt><dd>${date(job.expiresAt)}</dd></div>`}
    ${job.result && html`<div><dt>Manifest</dt><dd><a href=${job.result.manifestUrl} rel="noreferrer">manifest.json</a></dd></div>`}
  </dl></section>`;
}

/** How long each stage took, in the order in which they began. */
function stageDurations(job) {
  const begun = Object.entries(job.stageTimes).sort(([, one], [, other]) => new Date(one) - new Date(other));
  const ends = [...begun.slice(1).map(([, at]) => at), job.finishedAt];
  return begun
    .map(([stage, at], index) => [stage, (new Date(ends[index]) - new Date(at)) / 1000])
    .filter(([stage, seconds]) => stage in STAGE_TIME && Number.isFinite(seconds));
}
