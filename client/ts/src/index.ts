/** Calls the Likeness API: `call` for each of its calls, `follow` and `wait` for jobs. */
import type { Answer, Arguments, Method, Options, PathWith, Schemas } from "./calls.js";
import { ApiError, errorOf, reached } from "./errors.js";

export { ApiError, type Schemas };
export type JobEvent = Schemas["JobEvent"];
export type JobRecord = Schemas["JobRecord"];

/** The API sends a comment every 15 seconds, so a connection that is silent for a minute is dead. */
const SILENCE_MS = 60_000;
const LAST: readonly string[] = ["job.completed", "job.failed", "job.canceled"];

export class Likeness {
  readonly #url: string;
  readonly #key: string;
  readonly #tries: number;

  /** `tries`: how often a call is sent, and a lost connection opened again, before the error is thrown. */
  constructor(url: string, key: string, { tries = 5 }: { tries?: number } = {}) {
    [this.#url, this.#key, this.#tries] = [url.replace(/\/+$/, ""), key, tries];
  }

  /** Calls the API, again while it can't answer now. A POST has an idempotency key, so that it counts once.
   *  Throws an ApiError. */
  async call<M extends Method, P extends PathWith<M>>(
    method: M,
    path: P,
    ...given: Arguments<M, P>
  ): Promise<Answer<M, P>> {
    const { path: ids = {}, query = {}, body, idempotencyKey, signal }: Options = given[0] ?? {};
    const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(ids[name] ?? ""));
    const asked = Object.entries(query).flatMap(([name, value]) => (value == null ? [] : [[name, String(value)]]));
    const headers = new Headers();
    if (method === "post") headers.set("Idempotency-Key", idempotencyKey ?? crypto.randomUUID());
    if (body !== undefined) headers.set("Content-Type", body instanceof Blob ? body.type : "application/json");
    const sent = body === undefined ? null : body instanceof Blob ? body : JSON.stringify(body);
    const request = { method: method.toUpperCase(), headers, body: sent, signal: signal ?? null };
    for (let tries = 1; ; tries++) {
      try {
        const answer = await this.#send(asked.length > 0 ? `${filled}?${new URLSearchParams(asked)}` : filled, request);
        const isDocument = answer.headers.get("Content-Type")?.startsWith("application/json");
        const read = isDocument ? answer.json() : answer.status === 204 ? undefined : answer.blob();
        return (await reached(Promise.resolve(read))) as Answer<M, P>;
      } catch (error) {
        await this.#pause(error, tries);
      }
    }
  }

  /** Follows a job to its end, however it ends, and returns its record. */
  async wait(jobId: string, options: { signal?: AbortSignal } = {}): Promise<JobRecord> {
    for await (const _ of this.follow(jobId, options));
    return this.call("get", "/v1/jobs/{job_id}", { path: { job_id: jobId }, ...options });
  }

  /** Yields a job's events as they come, from the one after `after` to the last. A connection that breaks is opened
   *  again where it was. */
  async *follow(
    jobId: string,
    { after = 0, signal }: { after?: number; signal?: AbortSignal } = {},
  ): AsyncGenerator<JobEvent, void> {
    for (let tries = 1; ; tries++) {
      try {
        for await (const event of this.#events(jobId, after, signal)) {
          [after, tries] = [event.sequence, 0];
          yield event;
          if (LAST.includes(event.type)) return;
        }
        return;
      } catch (error) {
        await this.#pause(error, Math.max(tries, 1));
      }
    }
  }

  /** The events of one connection. It ends where no more will come, and throws where the connection does. */
  async *#events(jobId: string, after: number, signal?: AbortSignal): AsyncGenerator<JobEvent, void> {
    const connection = new AbortController();
    const hangUp = () => connection.abort(new TypeError("silent"));
    let silence = setTimeout(hangUp, SILENCE_MS);
    try {
      const answer = await this.#send(`/v1/jobs/${encodeURIComponent(jobId)}/events`, {
        headers: new Headers({ Accept: "text/event-stream", "Last-Event-ID": String(after) }),
        signal: signal ? AbortSignal.any([signal, connection.signal]) : connection.signal,
      });
      if (answer.status === 204 || !answer.body) return;
      const reader = answer.body.getReader();
      const decoder = new TextDecoder();
      for (let text = ""; ; ) {
        const { done, value } = await reached(reader.read());
        if (done) throw new ApiError(0, { code: "UNREACHABLE", message: "The API closed the connection." });
        clearTimeout(silence);
        silence = setTimeout(hangUp, SILENCE_MS);
        const blocks = (text + decoder.decode(value, { stream: true })).split("\n\n");
        text = blocks.pop() ?? "";
        for (const [, data] of blocks.join("\n").matchAll(/^data: ?(.+)$/gm)) yield JSON.parse(data ?? "");
      }
    } finally {
      clearTimeout(silence);
      connection.abort();
    }
  }

  async #send(path: string, request: RequestInit & { headers: Headers }): Promise<Response> {
    request.headers.set("Authorization", `Bearer ${this.#key}`);
    const answer = await reached(fetch(this.#url + path, request));
    if (!answer.ok) throw await errorOf(answer);
    return answer;
  }

  /** Waits before the next try, longer each time, and as long as the API asks for. Throws what another try can't
   *  mend. */
  async #pause(error: unknown, tries: number): Promise<void> {
    if (!(error instanceof ApiError && error.isTemporary) || tries >= this.#tries) throw error;
    const wait = Math.min(20_000, 300 * 2 ** (tries - 1)) * (0.7 + 0.6 * Math.random());
    await new Promise((resume) => setTimeout(resume, Math.max(wait, error.retryAfter * 1000)));
  }
}
