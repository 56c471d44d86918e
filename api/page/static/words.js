// The API's stable codes in words for people.

export const STATUS = {
  draft: "draft",
  pending: "waiting",
  training: "rendering",
  ready: "ready",
  failed: "failed",
  running: "running",
  completed: "completed",
  canceled: "canceled",
};

export const STAGE = {
  queued: "Waits for a worker",
  fetching: "Prepares, and waits for the device",
  rendering: "Renders",
  storing: "Stores the images",
  finishing: "Writes the manifest",
  done: "Done",
};

/** The stages as names of times. */
export const STAGE_TIME = {
  fetching: "Preparing, and waiting for the device",
  rendering: "Rendering",
  storing: "Storing",
  finishing: "Writing the manifest",
};

export const KIND = { influencer_clone: "Clone", influencer_create: "First images" };

const REASON = {
  "no-face": "no face was found",
  "several-faces": "more than one face was found",
  "too-small": "the face is too small to judge",
  "not-the-same-face": "not the same face",
  "not-the-same-subject": "not the same subject",
  "copy-of-reference": "a copy of a reference",
  twin: "almost the same as another image of the set",
};

const ADVICE = {
  LIKENESS_NOT_REACHED: "Retry with other seeds, use clearer references, or accept a set without these shots.",
  NO_USABLE_REFERENCE: "Add reference images that show one face clearly, then clone again.",
  ATTEMPTS_EXHAUSTED: "The workers ended early each time. Their operator should look at the logs; then retry.",
  CONTENT_REFUSED: "Change what the sentence above names, then start a new job. The same one would be refused again.",
  DEADLINE_EXCEEDED: "No worker was free in time. Retry, with a later deadline.",
};

export const reasons = (verdict) => (verdict?.reasons ?? []).map((code) => REASON[code] ?? code).join(", ");

export const notJudged = (verdict) =>
  (verdict?.notJudged ?? []).map((code) => REASON[code] ?? code).join(", ");

/** What to do about a job's error, in a sentence. */
export const advice = ({ code, retryable }) =>
  ADVICE[code] ?? (retryable ? "It may work when you retry." : "Retrying alone won't help.");

export const shotName = (shot) => {
  const words = shot.replace(/^three-quarter/, "three quarter").replaceAll("-", " ");
  return words[0].toUpperCase() + words.slice(1);
};

/** A similarity to two digits, without its zero: `.93`. */
export const score = (value) => (value == null ? "–" : value.toFixed(2).replace(/^(-?)0\./, "$1."));

export const plural = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

const ORDINAL = new Intl.PluralRules("en", { type: "ordinal" });
const SUFFIX = { one: "st", two: "nd", few: "rd", other: "th" };
export const ordinal = (place) => `${place}${SUFFIX[ORDINAL.select(place)]}`;

const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
export const date = (time) => DATE.format(new Date(time));

/** A duration in seconds: `8.2 s`, `3 min 5 s`, `2 h 10 min`. */
export function duration(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export const between = (from, to) => duration(Math.max(0, (new Date(to) - new Date(from)) / 1000));

const SOURCE_TYPE = {
  trainedAlgorithmicMedia: "made by a model alone",
  compositeWithTrainedAlgorithmicMedia: "a composite: pixels of the references, finished by a model",
  algorithmicMedia: "made by an algorithm",
};

/** IPTC's term for how a picture came about, in words. */
export const sourceType = (uri) => SOURCE_TYPE[uri?.split("/").pop()] ?? uri;
