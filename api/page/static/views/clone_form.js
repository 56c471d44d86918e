// The form that starts a clone.
import { useEffect, useState } from "preact/hooks";
import { send } from "../api.js";
import { html } from "../html.js";
import { Failure, useAction } from "../parts.js";
import { shotName } from "../words.js";
import { PersonaFields, personaOf } from "./persona_fields.js";

/** All shots there are, by the API's own document. */
async function shotNames() {
  const { components } = await (await fetch("/openapi.json")).json();
  return components.schemas.StartClone.properties.shots.items.enum;
}

export function CloneForm({ persona, path }) {
  const [all, setAll] = useState([]);
  useEffect(() => void shotNames().then(setAll, () => {}), []);
  const [start, busy, error] = useAction(async (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    const shots = form.getAll("shots");
    const { name, shots: _, acceptPartial, ...overrides } = personaOf(event.target);
    const body = { name, acceptPartial: acceptPartial === "on" };
    if (shots.length) body.shots = shots;
    if (Object.keys(overrides).length) body.overrides = overrides;
    location.hash = `#/jobs/${(await send("POST", `${path}/clone`, body)).jobId}`;
  });
  return html`<form onSubmit=${start}>
    <label>Name of the clone<input name="name" required maxlength="128" defaultValue=${`${persona.name} (B variant)`.slice(0, 128)} autofocus /></label>
    <details><summary>Shots: the usual eight, unless you choose</summary>
      <fieldset class="checks"><legend class="hidden">Shots</legend>
        ${all.map((shot) => html`<label class="check"><input type="checkbox" name="shots" value=${shot} />${shotName(shot)}</label>`)}
      </fieldset></details>
    <details><summary>What is different about the clone</summary><${PersonaFields} keep=${`as ${persona.name}`.slice(0, 30)} /></details>
    <label class="check"><input type="checkbox" name="acceptPartial" />Accept a set without the shots that miss the likeness</label>
    <${Failure} error=${error} />
    <button class="main" disabled=${busy}>${busy ? "Starting…" : "Start"}</button>
  </form>`;
}
