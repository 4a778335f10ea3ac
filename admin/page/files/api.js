// The one way to the API: adds the token, speaks JSON, and turns refusals into ApiError. A 401 ends the session.
import { session } from "./session.js";

const BASE = new URL("api/v1/", document.baseURI);

/** A refusal in the API's words: `message` what happened, `hint` what to do, `fields` complaints by field where there are any. */
export class ApiError extends Error {
  constructor(status, body) {
    super(body.message ?? `The server answered ${status}.`);
    this.status = status;
    this.code = body.code ?? "unknown";
    this.hint = (body.hint ?? "").startsWith("see fields") ? "" : body.hint ?? ""; // here they are shown at their fields
    this.fields = body.fields ?? {};
  }
}

function address(path, query) {
  const url = new URL(path, BASE);
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null && value !== "") url.searchParams.set(name, String(value));
  }
  return url;
}

async function readBody(response) {
  try {
    return await response.json();
  } catch {
    return { message: `The server answered ${response.status} without saying more.`, hint: "Is there a proxy in between? Its log may know." };
  }
}

async function call(method, path, { query, body, signal, token = session.token } = {}) {
  const headers = { Accept: "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(address(path, query), { method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal, cache: "no-store", credentials: "omit", redirect: "error" });
  } catch (failure) {
    if (failure.name === "AbortError") throw failure;
    throw new ApiError(0, { code: "unreachable", message: "The bridge does not answer.", hint: "Is membridge serve running, and is the way to it open? This page tries again when asked." });
  }
  const answer = response.status === 204 ? null : await readBody(response);
  if (response.ok) return answer;
  const error = new ApiError(response.status, answer ?? {});
  if (response.status === 401 && token === session.token) session.end("Your session has ended: the token is not accepted any more. Sign in again.");
  throw error;
}

/** Segments of a path that come from data. */
export const segment = encodeURIComponent;

export const api = {
  get: (path, query, signal) => call("GET", path, { query, signal }),
  post: (path, body) => call("POST", path, { body }),
  patch: (path, body) => call("PATCH", path, { body }),
  remove: (path, query) => call("DELETE", path, { query }),
  /** As somebody who is not signed in yet. */
  tryToken: (path, token) => call("GET", path, { token }),
};
