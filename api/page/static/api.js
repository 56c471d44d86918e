// Calls of the HTTP API with the key that the tab keeps. The page uses nothing else.

const KEY = "likeness-key";

export const storedKey = () => sessionStorage.getItem(KEY);
export const storeKey = (key) => sessionStorage.setItem(KEY, key);
export const forgetKey = () => sessionStorage.removeItem(KEY);

/** An answer that isn't 2xx, or none at all (`status` 0, code `OFFLINE`). */
export class ApiError extends Error {
  constructor(status, { code, message, details = {}, requestId }) {
    super(message);
    Object.assign(this, { status, code, details, requestId });
  }
}

const OFFLINE = {
  code: "OFFLINE",
  message: "The API can't be reached. It may be restarting, or this machine is offline.",
};

let signedOut = () => {};
/** Registers what happens when the key is refused. */
export const onSignedOut = (act) => (signedOut = act);

/** Sends a request to `/v1…`, with the tab's key unless another is given (null: none). Raises ApiError. */
export async function request(path, { headers, key = storedKey(), ...options } = {}) {
  let response;
  try {
    response = await fetch(`/v1${path}`, {
      cache: "no-store",
      ...options,
      headers: { ...(key && { Authorization: `Bearer ${key}` }), ...headers },
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, OFFLINE);
  }
  if (response.ok || response.status === 304) return response;
  const body = await response.json().catch(() => ({}));
  const error = new ApiError(
    response.status,
    body.error ?? { code: "UNKNOWN", message: `The server answered ${response.status}, and didn't say why.` },
  );
  if (error.status === 401 && key && key === storedKey()) {
    forgetKey();
    signedOut(error);
  }
  throw error;
}

/** Returns the JSON of a GET. */
export const get = async (path, options) => (await request(path, options)).json();

/** Sends a JSON body and returns the answer's. Each POST has its own idempotency key, so a retry is safe. */
export async function send(method, path, body, options = {}) {
  const headers = {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method === "POST") headers["Idempotency-Key"] = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
  return (await request(path, { ...options, method, headers, body: body && JSON.stringify(body) })).json();
}

/** Returns all items of a list, page after page; `onPage` gets what there is so far. */
export async function all(path, { onPage = () => {}, ...options } = {}) {
  const items = [];
  for (let cursor = null; ; ) {
    const query = new URLSearchParams({ limit: "100", ...(cursor && { cursor }) });
    const page = await get(`${path}${path.includes("?") ? "&" : "?"}${query}`, options);
    items.push(...page.items);
    onPage([...items]);
    if (!(cursor = page.nextCursor)) return items;
  }
}

const SMALL = 1024 * 1024;

/** Stores a picture in a project's media library and returns its asset. */
export async function upload(projectId, file) {
  const base = `/projects/${projectId}/media`;
  if (file.size <= SMALL) {
    const answer = await request(base, { method: "POST", headers: { "Content-Type": file.type }, body: file });
    return answer.json();
  }
  const place = await send("POST", `${base}/uploads`, { mediaType: file.type, bytes: file.size });
  try {
    const put = await fetch(place.uploadUrl, { method: place.method, headers: place.headers, body: file });
    if (!put.ok) throw new Error(`${put.status}`);
  } catch {
    throw new ApiError(0, {
      code: "UPLOAD_REFUSED",
      message:
        `${file.name} is larger than 1 MiB, and the object store took no upload from this page. ` +
        "Its CORS rules must allow PUT from here; or choose a smaller picture.",
    });
  }
  return send("POST", `/media/${place.assetId}/finalize`);
}
