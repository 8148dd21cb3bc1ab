/** Requests data from the API; also builds the address of the stream. */

/** The API's refusal (RFC 9457), or why the request failed. */
export class ApiError extends Error {}

/**
 * @param {string} path
 * @returns {Promise<object>}
 * @throws {ApiError} with one sentence to show the visitor
 */
export async function get(path) {
  let response;
  try {
    response = await fetch(path, { headers: { accept: "application/json" } });
  } catch {
    throw new ApiError("The server cannot be reached. Check the connection.");
  }
  const body = await response.json().catch(() => null);
  if (response.ok && body !== null) return body;
  throw new ApiError(body?.detail ?? body?.title ?? `The server answered ${response.status}.`);
}

/** The fixtures that are open for bets. */
export async function getFixtures() {
  const body = await get("/v1/fixtures");
  return Array.isArray(body) ? body : (body.fixtures ?? body.items ?? []);
}

/** Signing domain and limits of this deployment. */
export function getTypedData() {
  return get("/v1/typed-data");
}

/** Address of the live stream on the page's own host. */
export function streamUrl(location) {
  return `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/v1/stream`;
}
