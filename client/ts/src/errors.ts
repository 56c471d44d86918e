/** The body of an error. */
interface Told {
  code: string;
  message: string;
  details?: Record<string, unknown>;
  requestId?: string;
}

/** The API's answer to a call that failed. `code` is stable; `message` says what to do. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** The answer's HTTP status; 0 if the API can't be reached. */
  readonly status: number;
  readonly code: string;
  readonly details: Record<string, unknown>;
  readonly requestId: string | undefined;
  /** Seconds after which the API asked to be called again. */
  readonly retryAfter: number;

  constructor(status: number, error: Told, retryAfter = 0) {
    super(error.message);
    this.status = status;
    this.code = error.code;
    this.details = error.details ?? {};
    this.requestId = error.requestId;
    this.retryAfter = retryAfter;
  }

  /** Whether the same call may succeed later. */
  get isTemporary(): boolean {
    return [0, 429, 502, 503, 504].includes(this.status);
  }
}

/** Awaits what the network may break. */
export async function reached<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new ApiError(0, { code: "UNREACHABLE", message: "The API can't be reached." });
  }
}

/** The error of an answer. A proxy's answer, which has another body, becomes one by its status. */
export async function errorOf(answer: Response): Promise<ApiError> {
  const body = await answer.json().catch(() => undefined);
  const told = body?.error ?? { code: "INTERNAL", message: `The API answered with HTTP status ${answer.status}.` };
  return new ApiError(answer.status, told, Number(answer.headers.get("Retry-After") ?? 0) || 0);
}
