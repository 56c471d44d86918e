// The personas of a project: cards with picture, name and status; new personas and projects.
import { useEffect, useState } from "preact/hooks";
import { all, get, send } from "../api.js";
import { html } from "../html.js";
import { Dialog, Empty, Failure, Heading, Loading, Picture, Status, useAction } from "../parts.js";
import { plural } from "../words.js";
import { PersonaFields, personaOf } from "./persona_fields.js";

const PROJECT = "likeness-project";
// Cards that are drawn at once; the search narrows them.
const MOST_SHOWN = 240;

export function Personas({ me }) {
  const [projects, setProjects] = useState(null);
  const [failure, setFailure] = useState(null);
  const [chosen, setChosen] = useState(sessionStorage.getItem(PROJECT));
  const [dialog, setDialog] = useState(null);
  const mayWrite = me.scopes.includes("influencers:write");
  const load = () => all("/projects").then(setProjects, setFailure);
  useEffect(() => void load(), []);
  if (!projects) {
    return failure ? html`<${Failure} error=${failure} again=${load} />` : html`<${Loading} what="your projects" />`;
  }
  const project = projects.find(({ projectId }) => projectId === chosen) ?? projects[0];
  const choose = (projectId) => (sessionStorage.setItem(PROJECT, projectId), setChosen(projectId));
  return html`
    <div class="title">
      <${Heading}>Personas<//>
      <div class="actions">
        ${projects.length > 1 &&
        html`<label class="inline">Project
          <select value=${project?.projectId} onChange=${(event) => choose(event.target.value)}>
            ${projects.map(({ projectId, name }) => html`<option value=${projectId}>${name}</option>`)}
          </select></label>`}
        ${mayWrite && html`<button type="button" onClick=${() => setDialog("project")}>New project</button>`}
        ${mayWrite && project && html`<button type="button" class="main" onClick=${() => setDialog("persona")}>New persona</button>`}
      </div>
    </div>
    ${project
      ? html`<${Cards} key=${project.projectId} project=${project} />`
      : html`<${Empty} title="No project yet"><p>A project holds personas and their pictures.
          ${mayWrite ? "Begin with one." : "A key with the scope influencers:write can make one."}</p><//>`}
    ${dialog === "project" &&
    html`<${NewProject} onClose=${() => setDialog(null)} onMade=${({ projectId, job }) => {
      choose(projectId);
      setDialog(null);
      if (job) location.hash = `#/jobs/${job.jobId}`;
      else load();
    }} />`}
    ${dialog === "persona" && html`<${NewPersona} project=${project} onClose=${() => setDialog(null)} />`}
  `;
}

function Cards({ project }) {
  const [personas, setPersonas] = useState(null);
  const [complete, setComplete] = useState(false);
  const [failure, setFailure] = useState(null);
  const [sought, setSought] = useState("");
  const load = () => {
    const aborted = new AbortController();
    setFailure(null);
    const path = `/projects/${project.projectId}/influencers`;
    // The first time, what there is shows page by page. Later, the list stays until the new one is whole.
    const onPage = (page) => complete || setPersonas(page);
    all(path, { onPage, signal: aborted.signal }).then(
      (whole) => (setPersonas(whole), setComplete(true)),
      (error) => aborted.signal.aborted || setFailure(error),
    );
    return () => aborted.abort();
  };
  useEffect(load, []);
  // Rows that are being rendered change by themselves.
  const busy = personas?.some(({ status }) => status === "pending" || status === "training");
  useEffect(() => {
    if (!busy || !complete) return;
    const timer = setInterval(() => document.hidden || load(), 4000);
    return () => clearInterval(timer);
  }, [busy, complete]);
  if (!personas) {
    return failure ? html`<${Failure} error=${failure} again=${load} />` : html`<${Loading} what="personas" />`;
  }
  const wanted = sought.trim().toLowerCase();
  const found = personas.filter(({ name }) => name.toLowerCase().includes(wanted));
  return html`
    <${Failure} error=${failure} again=${load} />
    ${personas.length > 6 &&
    html`<label class="search">Search by name
      <input type="search" value=${sought} onInput=${(event) => setSought(event.target.value)} /></label>`}
    ${personas.length === 0 &&
    complete &&
    html`<${Empty} title="No persona yet"><p>Describe one, or upload pictures of one: New persona.</p><//>`}
    <ul class="cards">
      ${found.slice(0, MOST_SHOWN).map(
        (one) => html`<li key=${one.influencerId}><a class="card" href=${`#/personas/${one.influencerId}`}>
          <${Picture} src=${one.thumbnailUrl ?? one.referenceImages[0]?.thumbnailUrl ?? one.referenceImages[0]?.url} alt="" />
          <span class="name">${one.name}</span>
          <span class="row"><${Status} of=${one.status} /><span class="small">${plural(one.referenceImages.length, "image")}</span></span>
        </a></li>`,
      )}
    </ul>
    <p class="small" role="status">
      ${wanted && `${plural(found.length, "persona")} found. `}
      ${found.length > MOST_SHOWN && `The first ${MOST_SHOWN} are shown: search for the others.`}
      ${!complete && !failure && " Loading more…"}
    </p>
  `;
}

function NewProject({ onClose, onMade }) {
  const [create, busy, error] = useAction(async (event) => {
    event.preventDefault();
    const given = [...new FormData(event.target)].filter(([, value]) => value.trim());
    onMade(await send("POST", "/projects", Object.fromEntries(given)));
  });
  return html`<${Dialog} title="New project" onClose=${onClose}>
    <form onSubmit=${create}>
      <label>Name<input name="name" required maxlength="128" autofocus /></label>
      <p class="small">With a few words about the brand, its first persona is made up, and rendered.</p>
      <label>Whom it speaks to<input name="audience" maxlength="512" placeholder="parents, 30-44" /></label>
      <label>Language<input name="language" maxlength="128" placeholder="English" /></label>
      <label>How it speaks<input name="voice" maxlength="1024" placeholder="warm and playful" /></label>
      <${Failure} error=${error} />
      <button class="main" disabled=${busy}>Create</button>
    </form>
  <//>`;
}

function NewPersona({ project, onClose }) {
  const [create, busy, error] = useAction(async (event) => {
    event.preventDefault();
    const made = await send("POST", `/projects/${project.projectId}/influencers`, personaOf(event.target));
    location.hash = `#/personas/${made.influencerId}`;
  });
  return html`<${Dialog} title="New persona" onClose=${onClose}>
    <form onSubmit=${create}>
      <label>Name<input name="name" required maxlength="128" autofocus /></label>
      <${PersonaFields} />
      <p class="small">Next: upload pictures of the persona, or have its first ones rendered.</p>
      <${Failure} error=${error} />
      <button class="main" disabled=${busy}>Create</button>
    </form>
  <//>`;
}
