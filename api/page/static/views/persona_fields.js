// The fields of a form that say how a persona looks, and what the form then says.
import { html } from "../html.js";

export const GENDERS = ["female", "male", "nonbinary", "unspecified"];

/** How a persona speaks and thinks: the fields of its personality. */
export const WORDS = [
  ["traits", "Traits"],
  ["tone", "Tone"],
  ["humor", "Humour"],
  ["formality", "Formality"],
  ["values", "Values"],
  ["interests", "Interests"],
  ["speakingStyle", "Speaks"],
  ["catchphrases", "Catchphrases"],
];
const TEXTS = [
  ["ageRange", "Age", "25-34", 16],
  ["ethnicity", "Ethnicity", "", 128],
  ["hairColor", "Hair colour", "auburn", 128],
  ["hairStyle", "Hair style", "long, wavy", 128],
  ["style", "Style", "casual", 256],
  ["vibe", "Vibe", "warm", 256],
];

/** @param keep What an empty field means, where it isn't the same as not saying. */
export const PersonaFields = ({ keep }) => html`<div class="fields">
  <label>Gender<select name="gender">
    <option value="">${keep ?? "not said"}</option>
    ${GENDERS.map((gender) => html`<option>${gender}</option>`)}
  </select></label>
  ${TEXTS.map(
    ([name, label, example, most]) =>
      html`<label>${label}<input name=${name} maxlength=${most} placeholder=${keep ?? example} /></label>`,
  )}
</div>`;

/** The fields of the form that were filled in. */
export const personaOf = (form) =>
  Object.fromEntries([...new FormData(form)].filter(([, value]) => value.trim()).map(([name, value]) => [name, value.trim()]));
