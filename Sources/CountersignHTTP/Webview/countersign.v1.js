/**
 * Countersign's webview kit, version 1: shows a page of NewStore's Associate App only to whom Countersign knows.
 *
 *     start({ render(session, context) { … }, deny(reason) { … } })
 *
 * Importing it takes the external identity out of the address: none stays in history or referrers.
 */

const names = /^(token|externalIdentity|cart|store)(=|%3D)/i;
let delivered = fromFragment() ?? fromQuery();

/**
 * Asks Countersign who opened the page, then calls one of two and returns what it returns:
 *
 * - `render(session, context)`: `session` is Countersign's answer: `sub`, `tenant`, `identity_provider`, `exp`, and
 *   `session: "unconfirmed"` where only the signature could be checked. `context` is what the app handed over, with
 *   `externalIdentity` for your back end. The rest of it is unsigned: who asks is proven, what for is not.
 * - `deny(reason)`: `no_identity`: the app gave none; `expired`; `refused`; `unreachable`: call `start` again later.
 *   `expired` or `refused` is for the wording only: opaque tokens do not say, others meet this device's clock.
 *
 * @param service Countersign's address, with a slash at its end; default: where this script came from.
 * @param timeout in milliseconds.
 */
export async function start({ render, deny, service = new URL("..", import.meta.url), timeout = 5000 }) {
  delivered ??= await fromGlobal();
  if (!delivered) return deny("no_identity");
  const { session, reason } = await ask(new URL("session", service), delivered.externalIdentity, timeout);
  return session ? render(session, delivered) : deny(reason);
}

/** The address that takes coupon codes back to the app's cart. Give it to a link, or to `location.href`. */
export function couponsLink(codes, { cart, formData, securityToken }) {
  const parameters = codes.map((code) => ["coupons[]", code]);
  parameters.push(["cartId", cart?.cartId ?? formData?.cartId ?? ""], ["token", securityToken ?? ""]);
  const query = parameters.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&");
  return `com.newstore.associate-one://cart.more.loyaltyProgram/applyCoupons?${query}`;
}

async function ask(url, identity, timeout) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), timeout);
  try {
    const headers = { Authorization: `Bearer ${identity}` };
    const answer = await fetch(url, { headers, signal: abort.signal, cache: "no-store", redirect: "error" });
    if (answer.status === 401) return { reason: isOver(identity) ? "expired" : "refused" };
    const session = answer.ok && (await answer.json());
    return session?.active === true ? { session } : { reason: "unreachable" };
  } catch {
    console.warn(`Countersign cannot be asked. Is ${location.origin} among the provider's webview.origins?`);
    return { reason: "unreachable" };
  } finally {
    clearTimeout(timer);
  }
}

/** By the token's own word, unverified. */
function isOver(identity) {
  try {
    return JSON.parse(text(identity.split(".")[1])).exp * 1000 <= Date.now();
  } catch {
    return false;
  }
}

/** The current delivery: `#` and base64 of JSON. A fragment that holds none is left alone. */
function fromFragment() {
  try {
    const context = understood(json(text(decoded(location.hash.slice(1)))));
    if (context) clean(location.search, "");
    return context;
  } catch {
    return undefined;
  }
}

/** The deep link's: four parameters, or all of them encoded once more as one, as in NewStore's example. */
function fromQuery() {
  const parts = location.search.slice(1).split("&");
  const ours = parts.filter((part) => names.test(part)).join("&");
  const query = /(^|&)externalIdentity=/.test(ours) ? ours : decoded(ours);
  // Split at the known names only, since cart and store may hold any character. Not by URLSearchParams, which makes a
  // space of the plus sign in an e-mail address.
  const pairs = query.split(/&(?=(?:token|externalIdentity|cart|store)=)/).map((pair) => pair.split(/=(.*)/s));
  const { token, ...rest } = Object.fromEntries(pairs);
  const context = understood({ ...rest, externalIdentity: decoded(rest.externalIdentity), token: decoded(token) });
  const others = parts.filter((part) => part && !names.test(part)).join("&");
  if (context) clean(others && `?${others}`, location.hash);
  return context;
}

/** The older delivery. The app may set it as late as the page's load. */
async function fromGlobal() {
  if (!window.NEWSTORE && document.readyState !== "complete") {
    await new Promise((resume) => addEventListener("load", () => setTimeout(resume), { once: true }));
  }
  const context = understood(window.NEWSTORE);
  if (context) Reflect.deleteProperty(window, "NEWSTORE");
  return context;
}

/** One shape for all deliveries; undefined where there is no external identity. */
function understood(raw) {
  if (typeof raw?.externalIdentity !== "string" || !raw.externalIdentity) return undefined;
  const { cart, store, formData, ...more } = { ...raw, ...raw.contextProps };
  return {
    ...more, cart: json(cart), store: json(store), formData: json(formData),
    externalIdentity: raw.externalIdentity, securityToken: raw.securityToken ?? raw.token,
  };
}

/** JSON, percent-encoded JSON, or already a value. */
function json(value) {
  if (typeof value !== "string") return value;
  for (const candidate of [value, decoded(value)]) {
    try {
      return JSON.parse(candidate);
    } catch {}
  }
}

/** Base64 of either alphabet as text: UTF-8, or Latin-1 where it is not. */
function text(base64) {
  const latin1 = atob(base64.replace(/-/g, "+").replace(/_/g, "/"));
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(latin1, (c) => c.charCodeAt(0)));
  } catch {
    return latin1;
  }
}

function decoded(value) {
  try {
    return value && decodeURIComponent(value);
  } catch {
    return value;
  }
}

function clean(search, hash) {
  history.replaceState(history.state, "", location.pathname + search + hash);
}
