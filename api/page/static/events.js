// A job's events as they come, resumed where a connection breaks.
import { request } from "./api.js";

const FIRST_DELAY = 500;
const LONGEST_DELAY = 10_000;

const pause = (ms, signal) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });

// What the API says in the stream while its queue is away, and when that is over.
const WAITS = "the queue can't be read";
const GOES_ON = "the queue can be read again";

/**
 * Calls `onEvent` for each event of the job, from its first to its last. A broken connection is opened again after
 * the last event that arrived. `onState` hears `live` while events come as they happen, `waits` while the API can't
 * read them, and `away` without a connection. Raises ApiError if the API refuses.
 */
export async function follow(jobId, { signal, onEvent, onState = () => {} }) {
  let last = 0;
  for (let delay = FIRST_DELAY; !signal.aborted; delay = Math.min(2 * delay, LONGEST_DELAY)) {
    try {
      const response = await request(`/jobs/${jobId}/events`, {
        headers: { "Last-Event-ID": String(last) },
        signal,
      });
      if (response.status === 204) return;
      onState("live");
      for await (const { event, comment } of saidBy(response)) {
        if (comment === WAITS) onState("waits");
        if (comment === GOES_ON) onState("live");
        if (!event) continue;
        delay = FIRST_DELAY;
        last = event.sequence;
        onEvent(event);
        if (["job.completed", "job.failed", "job.canceled"].includes(event.type)) return;
      }
    } catch (error) {
      if (signal.aborted) return;
      // Refusals stay refusals; a server that is away or busy comes back.
      if (error.status && error.status < 500 && error.status !== 429) throw error;
    }
    onState("away");
    await pause(delay, signal);
  }
}

/** The events and comments of a stream. */
async function* saidBy(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += value;
    for (let end; (end = rest.indexOf("\n\n")) >= 0; rest = rest.slice(end + 2)) {
      const lines = rest.slice(0, end).split("\n");
      const valuesOf = (field) =>
        lines.filter((line) => line.startsWith(`${field}:`)).map((line) => line.slice(field.length + 1).trimStart());
      const data = valuesOf("data").join("\n");
      yield { event: data && JSON.parse(data), comment: valuesOf("")[0] };
    }
  }
}
