/** Owns the page's requests to the API and the address of its stream; knows no elements. */

/** What a refusal of the API says (RFC 9457), or what kept the page from asking. */
export class ApiError extends Error {}

/**
 * @param {string} path
 * @returns {Promise<object>}
 * @throws {ApiError} with one sentence that can be shown
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

/** The fixtures that take bets: a list, whatever envelope it came in. */
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
