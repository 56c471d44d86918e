// One persona: its references, its clones side by side, and what can be made of it.
import { useState } from "preact/hooks";
import { send, upload } from "../api.js";
import { html } from "../html.js";
import { Dialog, Empty, Failure, Heading, Loading, Picture, Status, useAction, useData } from "../parts.js";
import { date, plural } from "../words.js";
import { CloneForm } from "./clone_form.js";
import { EditPersona } from "./edit_persona.js";
import { WORDS } from "./persona_fields.js";

const MOST_REFERENCES = 20;
const TYPES = ["image/png", "image/jpeg", "image/webp"];

export function Persona({ id, me }) {
  const path = `/influencers/${encodeURIComponent(id)}`;
  const [persona, failure, reload] = useData(path, { every: 4000 });
  const [dialog, setDialog] = useState(null);
  const [render, rendering, refusal] = useAction(async () => {
    location.hash = `#/jobs/${(await send("POST", `${path}/reference-images/render`)).jobId}`;
  });
  if (!persona) {
    return failure ? html`<${Failure} error=${failure} again=${reload} />` : html`<${Loading} what="the persona" />`;
  }
  const mayWrite = me.scopes.includes("influencers:write");
  const references = persona.referenceImages;
  const isBusy = persona.status === "pending" || persona.status === "training";
  return html`
    <div class="title">
      <div>
        <${Heading}>${persona.name}<//>
        <p class="row"><${Status} of=${persona.status} /><code class="small">${persona.influencerId}</code>
          ${persona.job && html`<a href=${`#/jobs/${persona.job.jobId}`}>its job</a>`}</p>
      </div>
      ${mayWrite &&
      html`<div class="actions">
        ${!references.length && !isBusy &&
        html`<button type="button" class="main" disabled=${rendering} onClick=${render}>Render first images</button>`}
        ${references.length > 0 && html`<button type="button" class="main" onClick=${() => setDialog("clone")}>Clone</button>`}
        <button type="button" onClick=${() => setDialog("edit")}>Edit</button>
        <button type="button" onClick=${() => setDialog("delete")}>Delete</button>
      </div>`}
    </div>
    <${Failure} error=${refusal ?? failure} />
    ${persona.job?.error &&
    html`<div class="notice bad"><p>${persona.job.error.message}</p>
      <p class="small"><code>${persona.job.error.code}</code> · <a href=${`#/jobs/${persona.job.jobId}`}>Look at the job</a></p></div>`}
    <section aria-labelledby="references">
      <h2 id="references">References</h2>
      ${references.length > 0 &&
      html`<ul class="tiles">${references.map(
        (one, at) => html`<li class="tile" key=${one.assetId} title=${`since ${date(one.addedAt)}`}>
          <a href=${`#/images/${one.assetId}`}><${Picture} src=${one.thumbnailUrl ?? one.url} alt=${`Reference ${at + 1} of ${persona.name}; its provenance`} /></a>
        </li>`,
      )}</ul>`}
      ${!references.length && isBusy && html`<p class="small">They are being rendered.</p>`}
      ${mayWrite && !isBusy && references.length < MOST_REFERENCES &&
      html`<${Drop} persona=${persona} path=${path} onAdded=${reload} />`}
    </section>
    <${Clones} path=${path} />
    <${About} persona=${persona} />
    ${dialog === "clone" &&
    html`<${Dialog} title=${`Clone ${persona.name}`} onClose=${() => setDialog(null)}><${CloneForm} persona=${persona} path=${path} /><//>`}
    ${dialog === "edit" &&
    html`<${EditPersona} persona=${persona} path=${path} onClose=${() => setDialog(null)} onChanged=${reload} />`}
    ${dialog === "delete" && html`<${Delete} persona=${persona} path=${path} onClose=${() => setDialog(null)} />`}
  `;
}

/** Takes pictures by drag and drop, or from a file dialog. */
function Drop({ persona, path, onAdded }) {
  const [over, setOver] = useState(false);
  const [done, setDone] = useState(null);
  const [add, busy, error] = useAction(async (files) => {
    setDone(null);
    const pictures = [...files].filter(({ type }) => TYPES.includes(type));
    if (!pictures.length) throw new Error("Choose PNG, JPEG or WebP files.");
    const room = MOST_REFERENCES - persona.referenceImages.length;
    if (pictures.length > room) throw new Error(`There is room for ${plural(room, "more picture")}. Choose fewer.`);
    const assets = [];
    for (const [at, file] of pictures.entries()) {
      setDone(`Uploading ${at + 1} of ${pictures.length}: ${file.name}`);
      assets.push((await upload(persona.projectId, file)).assetId);
    }
    await send("POST", `${path}/reference-images`, { assetIds: assets });
    setDone(`${plural(assets.length, "picture")} added.`);
    onAdded();
  });
  const drop = (event) => (event.preventDefault(), setOver(false), add(event.dataTransfer.files));
  return html`
    <label class=${`drop ${over ? "over" : ""}`} onDragOver=${(event) => (event.preventDefault(), setOver(true))}
      onDragLeave=${() => setOver(false)} onDrop=${drop}>
      <input type="file" multiple accept=${TYPES.join()} disabled=${busy}
        onChange=${(event) => (add([...event.target.files]), (event.target.value = ""))} />
      <strong>Add pictures</strong><span class="small">Drop PNG, JPEG or WebP files here, or choose them. They must show one synthetic person.</span>
    </label>
    <p class="small" role="status">${!error && done}</p>
    <${Failure} error=${error} />`;
}

function Clones({ path }) {
  const [clones, failure, reload] = useData(`${path}/clones?limit=100`, { every: 8000 });
  if (failure) return html`<${Failure} error=${failure} again=${reload} />`;
  if (!clones?.items.length) return null;
  return html`<section aria-labelledby="clones">
    <h2 id="clones">Clones</h2>
    ${clones.items.map(
      (one) => html`<div class="clone" key=${one.influencerId}>
        <p class="row"><a href=${`#/personas/${one.influencerId}`}>${one.name}</a><${Status} of=${one.status} /></p>
        <ul class="strip">${one.referenceImages.map(
          (image, at) => html`<li key=${image.assetId}><${Picture} src=${image.thumbnailUrl ?? image.url} alt=${`Image ${at + 1} of ${one.name}`} /></li>`,
        )}</ul>
      </div>`,
    )}
  </section>`;
}

const LOOKS = [
  ["gender", "Gender"],
  ["ageRange", "Age"],
  ["ethnicity", "Ethnicity"],
  ["bodyType", "Body"],
  ["hairColor", "Hair colour"],
  ["hairStyle", "Hair style"],
  ["style", "Style"],
  ["vibe", "Vibe"],
];
const ORIGIN = { synthetic: "a person who doesn't exist", consented: "a person who agreed" };
const originOf = ({ kind, statedBy }) => `${ORIGIN[kind] ?? kind}${statedBy ? `, says ${statedBy}` : ""}`;

function About({ persona }) {
  const rows = (from, names) =>
    names
      .filter(([name]) => from?.[name]?.length)
      .map(([name, label]) => html`<div><dt>${label}</dt><dd>${[from[name]].flat().join(", ")}</dd></div>`);
  return html`<section aria-labelledby="about">
    <h2 id="about">About</h2>
    <dl class="facts">
      ${rows(persona, LOOKS)} ${rows(persona.personality, WORDS)}
      ${persona.referenceOrigin && html`<div><dt>Whose face</dt><dd>${originOf(persona.referenceOrigin)}</dd></div>`}
      <div><dt>Created</dt><dd>${date(persona.createdAt)}</dd></div>
    </dl>
  </section>`;
}

function Delete({ persona, path, onClose }) {
  const [remove, busy, error] = useAction(async () => {
    await send("DELETE", path);
    location.hash = "#/personas";
  });
  return html`<${Dialog} title=${`Delete ${persona.name}?`} onClose=${onClose}>
    <p>It can't be cloned or selected any more, and a job that renders it is canceled. Its clones stay.</p>
    <${Failure} error=${error} />
    <div class="actions"><button type="button" onClick=${onClose}>Keep it</button>
      <button type="button" class="danger" disabled=${busy} onClick=${remove}>Delete</button></div>
  <//>`;
}
