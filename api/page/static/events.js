// A job's events as they come, resumed where a connection breaks.
import { request } from "./api.js";

const FIRST_DELAY = 500;
const LONGEST_DELAY = 10_000;

const pause = (ms, signal) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });

/**
 * Calls `onEvent` for each event of the job, from its first to its last. A broken connection is opened again after
 * the last event that arrived; `onState` hears `true` while connected. Raises ApiError if the API refuses.
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
      onState(true);
      for await (const event of eventsOf(response)) {
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
    onState(false);
    await pause(delay, signal);
  }
}

async function* eventsOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += value;
    for (let end; (end = rest.indexOf("\n\n")) >= 0; rest = rest.slice(end + 2)) {
      const data = rest
        .slice(0, end)
        .split("\n")
        .filter((line) => line.startsWith("data:"))
        .map((line) => line.slice(5).trimStart())
        .join("\n");
      if (data) yield JSON.parse(data);
    }
  }
}
