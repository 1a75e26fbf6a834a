// @ts-check
// Who this browser is, in a studio that is shared: a secret it makes once, keeps, and sends with all that it asks.
//
// The page's own questions, gradio's queue and its server functions all go through fetch. Other hosts never see it.

const KEPT = "fine-tuning-studio.visitor";
const HEADER = "x-studio-visitor";

function findToken() {
  /** @type {string | null} */
  let token = null;
  try {
    token = localStorage.getItem(KEPT);
  } catch {
    /* a private window: until it is closed */
  }
  if (token && /^[\w-]{32,200}$/.test(token)) return token;
  const bytes = [...crypto.getRandomValues(new Uint8Array(32))];
  const made = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
  try {
    localStorage.setItem(KEPT, made);
  } catch {
    /* the same */
  }
  return made;
}

const token = findToken();
const plainly = window.fetch;
window.fetch = (asked, options = {}) => {
  const isRequest = asked instanceof Request;
  const address = new URL(isRequest ? asked.url : asked, location.href);
  if (address.origin !== location.origin) return plainly(asked, options);
  const headers = new Headers(options.headers ?? (isRequest ? asked.headers : undefined));
  headers.set(HEADER, token);
  return plainly(asked, { ...options, headers });
};
