// The organisation's jobs, the newest first.
import { useState } from "preact/hooks";
import { html } from "../html.js";
import { Empty, Failure, Heading, Loading, Status, useData } from "../parts.js";
import { KIND, STAGE, between, date } from "../words.js";

const STATUSES = ["running", "completed", "failed", "canceled"];

export function Jobs() {
  const [status, setStatus] = useState("");
  const [cursors, setCursors] = useState([""]);
  const query = new URLSearchParams({ limit: "50", ...(status && { status }) });
  const cursor = cursors.at(-1);
  if (cursor) query.set("cursor", cursor);
  const [jobs, failure, reload] = useData(`/jobs?${query}`, { every: 3000 });
  const filter = (event) => (setStatus(event.target.value), setCursors([""]));
  return html`
    <div class="title">
      <${Heading}>Jobs<//>
      <label class="inline">Status<select value=${status} onChange=${filter}>
        <option value="">all</option>
        ${STATUSES.map((one) => html`<option>${one}</option>`)}
      </select></label>
    </div>
    <${Failure} error=${failure} again=${reload} />
    ${!jobs && !failure && html`<${Loading} what="jobs" />`}
    ${jobs && !jobs.items.length && !jobs.nextCursor && html`<${Empty} title="No job here"><p>Clone a persona to start one.</p><//>`}
    ${jobs?.items.length > 0 &&
    html`<div class="scroll"><table>
      <thead><tr><th scope="col">Job</th><th scope="col">Kind</th><th scope="col">Status</th><th scope="col">Submitted</th><th scope="col">Took</th></tr></thead>
      <tbody>${jobs.items.map((job) => html`<${Row} key=${job.jobId} job=${job} />`)}</tbody>
    </table></div>`}
    <div class="actions">
      ${cursors.length > 1 && html`<button type="button" onClick=${() => setCursors(cursors.slice(0, -1))}>Newer</button>`}
      ${jobs?.nextCursor && html`<button type="button" onClick=${() => setCursors([...cursors, jobs.nextCursor])}>Older</button>`}
    </div>
  `;
}

const Row = ({ job }) => html`<tr>
  <td><a href=${`#/jobs/${job.jobId}`}>${job.asked?.name ?? job.jobId}</a></td>
  <td>${KIND[job.kind] ?? job.kind}</td>
  <td><${Status} of=${job.status} />${job.status === "running" && html`<span class="small"> ${STAGE[job.stage]}, ${Math.round(job.progress * 100)} %</span>`}</td>
  <td>${date(job.submittedAt)}</td>
  <td>${job.finishedAt ? between(job.submittedAt, job.finishedAt) : "–"}</td>
</tr>`;
