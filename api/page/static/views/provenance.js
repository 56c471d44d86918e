// What an image says of itself: who signed it, whether it is whole, what made it, and from what.
import { html } from "../html.js";
import { Failure, Heading, Loading, Picture, useData } from "../parts.js";
import { date, sourceType } from "../words.js";

const VERDICT = {
  valid: ["good", "Signed, and whole", "The picture and what is said of it are as they were signed."],
  unsigned: ["", "Not signed", "There is no signature: it was removed, or there never was one."],
  content_changed: ["bad", "Changed after signing", "The picture's bytes aren't those that the signature covers."],
  manifest_changed: ["bad", "The statement was changed", "What is said of the picture was changed, or damaged. Believe none of it."],
  signer_refused: ["bad", "Signed by an unfit certificate", "Nothing was changed, but the certificate wasn't fit to sign this, or has run out."],
};
const TRUST = {
  trusted: "trusted by this installation",
  development: "a development certificate, for trying things: nobody vouches for it",
  untrusted: "not trusted: nobody that this installation trusts vouches for it",
};
/** What is in the pixels, in a sentence. */
function ofWatermark({ found, reason, asSigned, images }) {
  if (found === undefined) return `Nobody could look for a watermark: ${reason}`;
  if (!found) return "There is no watermark in its pixels.";
  if (asSigned === false) return "Its pixels have a watermark, with another number than the signed statement names.";
  if (!images) return `Its pixels have a watermark. ${reason}`;
  if (images.length === 0) return "Its pixels have a watermark. No image of yours has its number.";
  return "Its pixels have a watermark, which leads to what made the image.";
}
const RELATION = { inputTo: "the model was given it", componentOf: "its pixels are in the image" };

export function Provenance({ id }) {
  const [found, failure, reload] = useData(`/files/${encodeURIComponent(id)}/provenance`);
  const [asset] = useData(`/media/${encodeURIComponent(id)}`);
  if (!found) {
    return failure
      ? html`<${Heading}>Where this image comes from<//><${Failure} error=${failure} again=${reload} />`
      : html`<${Heading}>Where this image comes from<//><${Loading} what="what it says of itself" />`;
  }
  const [colour, title, sentence] = VERDICT[found.verdict];
  const signer = found.signedBy;
  return html`<${Heading}>Where this image comes from<//>
    <div class="provenance">
      <${Picture} src=${asset?.url} alt="The image" />
      <div>
        <div class=${`notice ${colour}`}><p><strong>${title}</strong></p><p>${sentence}</p>
          ${found.verdict === "valid" && signer && signer.trust !== "trusted" && html`<p>Whether to believe it is another question: the certificate is ${TRUST[signer.trust]}.</p>`}
          ${found.render?.jobId && html`<p><a href=${`#/jobs/${found.render.jobId}`}>The job that made it</a></p>`}
          ${found.watermark && html`<p>${ofWatermark(found.watermark)}</p>`}
          ${found.problems?.length > 0 && html`<p class="small"><code>${found.problems.join(", ")}</code></p>`}</div>
        <dl class="facts wide">
          ${found.sourceType && html`<div><dt>It is</dt><dd>${sourceType(found.sourceType)}</dd></div>`}
          ${found.sourceTypesAgree === false && html`<div><dt>But its XMP says</dt><dd class="bad">${sourceType(found.xmpSourceType)}</dd></div>`}
          ${!found.sourceType && found.xmpSourceType && html`<div><dt>Its XMP says</dt><dd>${sourceType(found.xmpSourceType)} (not signed)</dd></div>`}
          ${signer && html`<div><dt>Signed by</dt><dd>${[signer.name, signer.organization].filter(Boolean).join(", ")}</dd></div>`}
          ${signer?.signedAt && html`<div><dt>Signed at</dt><dd>${date(signer.signedAt)}</dd></div>`}
          ${found.watermark?.hidden && html`<div><dt>Watermark</dt><dd><code>${found.watermark.hidden.number}</code> (${found.watermark.hidden.algorithm})</dd></div>`}
          ${found.watermark?.images?.map((image) => html`<div><dt>Watermark of</dt><dd><a href=${`#/images/${image.assetId}`}>${image.shot}</a> of <a href=${`#/jobs/${image.jobId}`}>a job</a>, made ${date(image.createdAt)}${!image.isStored && ", no longer stored"}</dd></div>`)}
          ${found.software && html`<div><dt>Software</dt><dd>${found.software}</dd></div>`}
        </dl>
        ${found.ingredients?.length > 0 && html`<h2>Made from</h2><ul class="plainlist">${found.ingredients.map((one) => html`<li>
          <${Ingredient} title=${one.title} />: ${RELATION[one.relationship] ?? one.relationship}${one.hasMark && html`, which came with a mark of its own${one.markIsIntact === false && " that doesn't hold"}`}</li>`)}</ul>`}
        ${found.render && html`<h2>Rendered with</h2><${Tree} of=${found.render} />`}
      </div>
    </div>`;
}

/** Our references are named by their assets' ids, which lead to them. */
const Ingredient = ({ title }) =>
  title?.startsWith("med_") ? html`<a href=${`#/images/${title}`}><code>${title}</code></a>` : html`<code>${title ?? "a picture"}</code>`;

/** A signed assertion as it stands: its plain values, then those that have parts of their own, folded. */
function Tree({ of }) {
  const entries = Object.entries(of);
  const isPlain = ([, value]) => typeof value !== "object";
  return html`<dl class="facts wide">${entries.filter(isPlain).map(
      ([name, value]) => html`<div><dt>${words(name)}</dt><dd><code>${String(value)}</code></dd></div>`,
    )}</dl>
    ${entries.filter((entry) => !isPlain(entry)).map(
      ([name, value]) => html`<details><summary>${words(name)}</summary>
        ${[value].flat().map((part) => (part && typeof part === "object" ? html`<${Tree} of=${part} />` : html`<code>${String(part)}</code>`))}
      </details>`,
    )}`;
}

const words = (name) => name.replace(/([A-Z])/g, (capital) => ` ${capital.toLowerCase()}`).replace(/^./, (first) => first.toUpperCase());
