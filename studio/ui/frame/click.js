// @ts-check
// An id for a click: the same click sent twice starts one thing, not two. On plain http there is no randomUUID.

const BYTES = 16;

/** A new id, 32 letters. */
export function mint() {
  const bytes = crypto.getRandomValues(new Uint8Array(BYTES));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
