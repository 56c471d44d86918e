// One image against a reference: a slider over both, by mouse, finger or keys.
import { useEffect, useState } from "preact/hooks";
import { get } from "../api.js";
import { html } from "../html.js";
import { Failure, Heading, Loading, useData } from "../parts.js";
import { reasons, score, shotName } from "../words.js";

export function Compare({ id, shot }) {
  const [job, failure, reload] = useData(`/jobs/${encodeURIComponent(id)}`);
  const [rows, setRows] = useState(null);
  const [at, setAt] = useState(0);
  const [boxes, setBoxes] = useState(false);
  const images = job?.result?.images ?? [];
  const place = images.findIndex((image) => image.shot === shot);
  useEffect(() => {
    if (!job) return;
    const row = (influencerId) =>
      influencerId ? get(`/influencers/${encodeURIComponent(influencerId)}`).then((one) => one.referenceImages, () => []) : [];
    Promise.all([row(job.asked?.sourceInfluencerId), row(job.influencerId)]).then(([references, own]) =>
      setRows({ references, own: Object.fromEntries(own.map((one) => [one.assetId, one])) }),
    );
  }, [job]);
  const to = (step) => {
    const next = images[(place + step + images.length) % images.length];
    if (next) location.replace(`#/jobs/${id}/compare/${next.shot}`);
  };
  useEffect(() => {
    const act = (event) => {
      // The arrows move a slider that has the focus.
      if (event.target.matches("input, select") || event.altKey || event.ctrlKey || event.metaKey) return;
      if (event.key === "ArrowLeft") to(-1);
      else if (event.key === "ArrowRight") to(1);
      else if (event.key === "ArrowUp") setAt((now) => Math.max(0, now - 1));
      else if (event.key === "ArrowDown") setAt((now) => Math.min((rows?.references.length ?? 1) - 1, now + 1));
      else if (event.key === "b") setBoxes((now) => !now);
      else if (event.key === "Escape") location.hash = `#/jobs/${id}`;
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", act);
    return () => removeEventListener("keydown", act);
  });
  if (!job || !rows) {
    return failure ? html`<${Failure} error=${failure} again=${reload} />` : html`<${Loading} what="the images" />`;
  }
  const image = images[place];
  const reference = rows.references[at];
  if (!image || !reference) {
    return html`<${Heading}>Compare<//><p>There is nothing to compare: the job has no such image, or its source has no references any more.
      <a href=${`#/jobs/${id}`}>Back to the job</a></p>`;
  }
  const { scores, verdict } = image.judgement ?? {};
  const checked = job.result.likeness?.references.find(({ index }) => index === at);
  return html`
    <div class="title"><${Heading}>${job.asked?.name ?? id}: ${shotName(shot)}<//>
      <div class="actions">
        <a class="button" href=${`#/jobs/${id}`}>Back to the job</a>
        <button type="button" onClick=${() => to(-1)}>← Previous</button><button type="button" onClick=${() => to(1)}>Next →</button>
      </div></div>
    <div class="compare">
      <${Slider} image=${rows.own[image.assetId]?.url ?? image.url} reference=${reference.url} name=${shotName(shot)}
        imageBox=${boxes && scores?.face && { ...scores, box: scores.face.box }} referenceFace=${boxes && checked?.face} />
      <aside>
        <label>Reference<select value=${at} onChange=${(event) => setAt(Number(event.target.value))}>
          ${rows.references.map((_, index) => html`<option value=${index}>${index + 1}${job.rejectedReferences?.some((one) => one.index === index) ? " (not used)" : ""}</option>`)}</select></label>
        <label class="check"><input type="checkbox" checked=${boxes} onChange=${() => setBoxes(!boxes)} />Show the faces that were found</label>
        ${scores &&
        html`<dl class="facts">
          <div><dt>Similarity to this reference</dt><dd>${score(scores.references[at])}</dd></div>
          <div><dt>Similarity to all of them</dt><dd>${score(scores.centroid)}</dd></div>
          <div><dt>Needed</dt><dd>${score(verdict.floor)}</dd></div>
          <div><dt>Verdict</dt><dd class=${verdict.outcome}>${verdict.outcome === "pass" ? "the same face" : reasons(verdict)}</dd></div>
        </dl>`}
        <p><a href=${`#/images/${image.assetId}`}>Where this image comes from</a></p>
        <p class="small keys">← → other images · ↑ ↓ other references · B faces · Esc back</p>
      </aside>
    </div>`;
}

function Slider({ image, reference, name, imageBox, referenceFace }) {
  const [share, setShare] = useState(50);
  const [size, setSize] = useState(null);
  const measured = (event) => setSize({ width: event.target.naturalWidth, height: event.target.naturalHeight });
  return html`<div class="slider">
    <div class="stage">
      <img src=${reference} alt="The reference" onLoad=${measured} />
      ${referenceFace && size && html`<${Box} of=${size} box=${referenceFace} side="left" />`}
      <div class="over" style=${{ clipPath: `inset(0 0 0 ${share}%)` }}>
        <img src=${image} alt=${name} />
        ${imageBox && html`<${Box} of=${imageBox} box=${imageBox.box} />`}
      </div>
      <span class="edge" style=${{ left: `${share}%` }} aria-hidden="true"></span>
      <input type="range" min="0" max="100" value=${share} aria-label=${`Left the reference, right ${name}`}
        onInput=${(event) => setShare(Number(event.target.value))} />
      <span class="end left" aria-hidden="true">Reference</span><span class="end right" aria-hidden="true">${name}</span>
    </div>
  </div>`;
}

/** A face's box, over a picture that fills its frame as `object-fit: contain` does. */
const Box = ({ of: { width, height }, box }) => html`<svg class="box" viewBox=${`0 0 ${width} ${height}`} preserveAspectRatio="xMidYMid meet" aria-hidden="true">
  <rect x=${box.left} y=${box.top} width=${box.right - box.left} height=${box.bottom - box.top} /></svg>`;
