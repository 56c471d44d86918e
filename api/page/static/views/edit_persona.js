// The dialog that changes what is said of a persona.
import { useState } from "preact/hooks";
import { send } from "../api.js";
import { html } from "../html.js";
import { Dialog, Failure, useAction } from "../parts.js";
import { GENDERS, WORDS } from "./persona_fields.js";

const LISTS = ["traits", "values", "interests", "catchphrases"];

const textOf = (value) => [value ?? []].flat().join("\n");

/** What the form changes, as the body of a PATCH. A field that was emptied is cleared. */
function changesIn(form, persona) {
  const body = {};
  const personality = {};
  for (const [name, value] of new FormData(form)) {
    const [field, word] = name.split(".");
    const text = value.replaceAll("\r\n", "\n").trim();
    if (text === textOf(word ? persona.personality?.[word] : persona[field]).trim()) continue;
    const lines = text.split("\n").map((line) => line.trim());
    const given = !text ? null : LISTS.includes(word) ? lines.filter(Boolean) : text;
    if (word) personality[word] = given;
    else body[field] = given;
  }
  return Object.keys(personality).length ? { ...body, personality } : body;
}

export function EditPersona({ persona, path, onClose, onChanged }) {
  // As it was when the dialog opened: what others change meanwhile isn't changed back.
  const [before] = useState(persona);
  const [save, busy, error] = useAction(async (event) => {
    event.preventDefault();
    const body = changesIn(event.target, before);
    if (Object.keys(body).length) await send("PATCH", path, body);
    onChanged();
    onClose();
  });
  const word = ([name, label]) => {
    const given = { name: `personality.${name}`, defaultValue: textOf(before.personality?.[name]) };
    return LISTS.includes(name)
      ? html`<label>${label}, one a line<textarea rows="3" ...${given}></textarea></label>`
      : html`<label>${label}<input ...${given} /></label>`;
  };
  return html`<${Dialog} title=${`Edit ${before.name}`} onClose=${onClose}>
    <form onSubmit=${save}>
      <label>Name<input name="name" required maxlength="128" defaultValue=${before.name} autofocus /></label>
      <div class="fields">
        <label>Gender<select name="gender">
          ${GENDERS.map((gender) => html`<option selected=${gender === before.gender}>${gender}</option>`)}
        </select></label>
        <label>Age<input name="ageRange" maxlength="16" placeholder="25-34" defaultValue=${before.ageRange ?? ""} /></label>
      </div>
      <p class="small">Pictures that are there stay as they are; what is rendered from now on follows this.</p>
      <details><summary>How it speaks</summary><div class="fields">${WORDS.map(word)}</div></details>
      <${Failure} error=${error} />
      <button class="main" disabled=${busy}>Save</button>
    </form>
  <//>`;
}
