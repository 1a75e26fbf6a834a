/* Who this browser is, in a studio that is shared: a secret it makes once, keeps, and sends with all that it asks of the studio.
 * The page's own questions, gradio's queue and its server functions all go through fetch. Other hosts never see it.
 */
(() => {
  const KEPT = "fine-tuning-studio.visitor", HEADER = "x-studio-visitor";
  let token = null;
  try { token = localStorage.getItem(KEPT); } catch { /* a private window: until it is closed */ }
  if (!/^[\w-]{32,200}$/.test(token ?? "")) {
    token = [...crypto.getRandomValues(new Uint8Array(32))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    try { localStorage.setItem(KEPT, token); } catch { /* the same */ }
  }
  const plainly = window.fetch;
  window.fetch = (asked, options = {}) => {
    const isRequest = asked instanceof Request;
    if (new URL(isRequest ? asked.url : asked, location.href).origin !== location.origin) return plainly(asked, options);
    const headers = new Headers(options.headers ?? (isRequest ? asked.headers : undefined));
    headers.set(HEADER, token);
    return plainly(asked, { ...options, headers });
  };
})();
