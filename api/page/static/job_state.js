// A job as the page shows it, put together from its record and its events. Pure: no calls, no markup.

/**
 * @typedef {{shot: string, phase: "waiting"|"rendering"|"stored"|"missed", step?: number, steps?: number,
 *   image?: object, tries: object[]}} Tile  `tries` are the tries of a shot that missed.
 */

const tile = (shot) => ({ shot, phase: "waiting", tries: [] });

/** The state before any event: tiles for the shots asked for, in their order, with a completed job's images. */
export function begin(record) {
  const tiles = new Map((record.asked?.shots ?? []).map((shot) => [shot, tile(shot)]));
  const state = { ...record, tiles, missed: [], link: "away" };
  const withImages = (record.result?.images ?? []).reduce((so, image) => stored(so, image), state);
  return missedFinally(withImages);
}

/** The state after one more event. */
export function after(state, event) {
  const { status, stage, progress, sequence } = event;
  // The record may be newer than the events that are replayed to fill its tiles.
  const moved = sequence > state.sequence ? { ...state, status, stage, progress, sequence } : state;
  const next = CHANGES[event.type]?.(moved, event) ?? moved;
  return event.type === "job.completed" || event.type === "job.failed" ? missedFinally(next) : next;
}

const CHANGES = {
  "job.started": (state, { attempt, at }) => ({ ...state, attempts: attempt, startedAt: at }),
  "job.progress": (state, { shot, step, steps }) =>
    shot ? put(state, shot, ({ phase }) => phase !== "stored" && { phase: "rendering", step, steps }) : state,
  "job.image_stored": (state, { image }) => stored(state, image),
  "job.image_missed": (state, { missed }) =>
    put(state, missed.shot, ({ tries }) => ({
      phase: "waiting",
      tries: [...tries.filter((one) => one.attempt !== missed.attempt), missed],
    })),
  "job.image_refused": (state, { refused }) =>
    put(state, refused.shot, () => ({ phase: "waiting", image: undefined, refused })),
  "job.reference_rejected": (state, { reference }) => ({
    ...state,
    rejectedReferences: merged(state.rejectedReferences, reference),
  }),
  "job.reference_noted": (state, { noted }) => ({
    ...state,
    referenceNotes: merged(state.referenceNotes, noted),
  }),
  "job.cancel_requested": (state) => ({ ...state, cancelRequested: true }),
  // What was stored stays; what was on the device begins again.
  "job.requeued": (state, { reason, error }) => ({
    ...each(state, (one) => (one.phase === "rendering" ? { ...one, phase: "waiting" } : one)),
    requeued: reason,
    lastError: error ?? state.lastError,
  }),
  "job.completed": (state, { result, at }) =>
    (result?.images ?? []).reduce((so, image) => stored(so, image), { ...state, result, finishedAt: at }),
  "job.failed": (state, { error, at }) => ({ ...state, error, finishedAt: at }),
  "job.canceled": (state, { at }) => ({ ...state, finishedAt: at }),
};

const each = (state, change) => ({
  ...state,
  tiles: new Map([...state.tiles].map(([shot, one]) => [shot, change(one)])),
});

function put(state, shot, change) {
  const before = state.tiles.get(shot) ?? tile(shot);
  const tiles = new Map(state.tiles).set(shot, { ...before, ...change(before) });
  return { ...state, tiles };
}

const stored = (state, image) => put(state, image.shot, () => ({ phase: "stored", image }));

const merged = (list = [], one) => [...list.filter(({ index }) => index !== one.index), one];

/** Marks the tiles whose shots will not come: a partial set is without them, or the job failed for them. */
function missedFinally(state) {
  const missed = state.result?.likeness?.missed ?? state.error?.details?.missed ?? [];
  return missed.reduce(
    (so, one) => put(so, one.shot, ({ phase }) => phase !== "stored" && { phase: "missed", best: one }),
    state,
  );
}
