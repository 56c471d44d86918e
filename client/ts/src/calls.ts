/** The types of a call: what it takes and what it answers, looked up in the document's types by method and path. */
import type { components, paths } from "./api.js";

export type Schemas = components["schemas"];
export type Method = "get" | "put" | "post" | "patch" | "delete";

/** The paths that have the method. */
export type PathWith<M extends Method> = {
  [P in keyof paths]: paths[P] extends Record<M, { responses: unknown }> ? P : never;
}[keyof paths];

type Call<M extends Method, P extends PathWith<M>> = paths[P][M];
type Json<T> = T extends { content: { "application/json": infer Body } } ? Body : undefined;

type Ids<C> = C extends { parameters: { path: infer Path } } ? { path: Path } : unknown;
type Query<C> = C extends { parameters: { query?: infer Query } } ? { query?: Query } : unknown;
/** A picture is a Blob with its media type. */
type Sent<B> = B extends { content: { "image/png": unknown } } ? Json<B> | Blob : Json<B>;
type Body<C> = C extends { requestBody: infer B }
  ? { body: Sent<B> }
  : C extends { requestBody?: infer B }
    ? { body?: Sent<B> }
    : unknown;
type OptionsOf<C> = Ids<C> & Query<C> & Body<C> & Common;

interface Common {
  /** Of a POST; a new one for each call, unless the caller has one. */
  idempotencyKey?: string;
  signal?: AbortSignal;
}

/** The third argument of `call`. It may be left out where nothing in it is required. */
export type Arguments<M extends Method, P extends PathWith<M>> =
  Record<never, never> extends OptionsOf<Call<M, P>>
    ? [options?: OptionsOf<Call<M, P>>]
    : [options: OptionsOf<Call<M, P>>];

/** What a call's success has: a document, a picture, or nothing. */
export type Answer<M extends Method, P extends PathWith<M>> =
  Call<M, P> extends { responses: infer R } ? Got<R[keyof R & (200 | 201 | 202 | 302)]> : never;
/** A 302 leads to a picture. */
type Got<T> = [T] extends [never] ? undefined : T extends { content: { "application/json": infer Body } } ? Body : Blob;

/** The same as seen from within `call`. */
export interface Options extends Common {
  path?: Record<string, string>;
  query?: Record<string, unknown>;
  body?: unknown;
}
