/**
 * Countersign's webview kit, version 2: shows a page of NewStore's Associate App only to whom Countersign knows.
 *
 * Importing it takes the external identity out of the address and its history.
 */

const names = /^(token|externalIdentity|cart|store)(=|%(25)*3[Dd])/;
const nothing = /^\s*(null|undefined|nil|none|\(null\))?\s*$/i;
const parts = location.search.slice(1).split("&");
const ofFragment = fromFragment();
const ofQuery = fromQuery();
let delivered = ofFragment ?? ofQuery;
if (delivered) clean();

/**
 * Asks Countersign who opened the page, calls `render` or `deny`, and returns its result.
 *
 * `session` is Countersign's answer, `context` what the app handed over. Only `externalIdentity` of that is signed: who
 * asks is proven, what for is not. The reasons are `no_identity`, `expired`, `refused` and `unreachable`; after one comes
 * the support code of Countersign's answer, if there is one. Of a session, it is `request_id`.
 *
 * @param identityProvider whose sessions the page is for; default: any.
 * @param service Countersign's address, with a slash at its end; default: where this script came from.
 * @param timeout in milliseconds.
 */
export async function start({ render, deny, identityProvider, service = new URL("..", import.meta.url), timeout = 5000 }) {
  delivered ??= await fromGlobal();
  if (!delivered) return deny("no_identity");
  const [session, code] = await ask(new URL("session", service), delivered.externalIdentity, timeout);
  if (!session.active) return deny(session, code);
  const { identity_provider: provider } = session;
  return provider === (identityProvider ?? provider) ? render(session, delivered) : deny("refused", code);
}

/** The address that takes coupon codes back to the app's cart. */
export function couponsLink(codes, { cart, formData, securityToken }) {
  const parameters = codes.map((code) => ["coupons[]", code]);
  parameters.push(["cartId", cart?.cartId ?? formData?.cartId], ["token", securityToken]);
  const query = parameters.map(([name, value]) => `${name}=${encodeURIComponent(value ?? "")}`).join("&");
  return `com.newstore.associate-one://cart.more.loyaltyProgram/applyCoupons?${query}`;
}

/** The session, or the reason why there is none; and the support code, by which an answer is found in the log. */
async function ask(url, identity, timeout) {
  let code;
  const abort = new AbortController();
  setTimeout(() => abort.abort(), timeout);
  try {
    const headers = { Authorization: `Bearer ${identity}` };
    const answer = await fetch(url, { headers, signal: abort.signal, cache: "no-store", redirect: "error" });
    code = answer.headers.get("X-Request-Id") ?? undefined;
    if (answer.status === 401) return [isOver(identity) ? "expired" : "refused", code];
    const session = answer.ok && (await answer.json());
    return [session?.active === true ? session : "unreachable", code];
  } catch {
    console.warn(`No answer from Countersign. Is ${location.origin} among webview.origins?`);
    return ["unreachable", code];
  }
}

/** By the token's own word, unverified. */
function isOver(identity) {
  return attempt(() => JSON.parse(text(identity.split(".")[1])).exp * 1000 <= Date.now());
}

/** The current delivery: base64 of JSON. */
function fromFragment() {
  return understood(first(peeled(location.hash.slice(1)), (base64) => attempt(() => json(text(base64)))));
}

/** The deep link's: parameters, or all of them encoded once more as one. */
function fromQuery() {
  const ours = parts.filter((part) => names.test(part)).join("&");
  const query = peeled(ours).find((it) => /(^|&)externalIdentity=/.test(it)) ?? "";
  const { token, externalIdentity, ...rest } = members(query, query !== ours);
  const single = (value) => decoded(value?.split("&")[0]);
  return understood({ ...rest, externalIdentity: single(externalIdentity), token: single(token) });
}

/** The first of each name; text inside JSON may look like more. URLSearchParams would make a plus sign a space. */
function members(query, isRaw) {
  const found = {};
  let last;
  for (const part of query.split(/&(?=(?:token|externalIdentity|cart|store)=)/)) {
    const [name, value] = part.split(/=(.*)/s);
    const isInside = isRaw && found[last]?.[0] === "{" && !parsed(found[last]);
    if (isInside) found[last] += `&${part}`;
    else found[(last = name)] ??= value;
  }
  return found;
}

/** The older delivery. The app may set it as late as the page's load. */
async function fromGlobal() {
  if (!window.NEWSTORE && document.readyState !== "complete") {
    await new Promise((resume) => addEventListener("load", () => setTimeout(resume)));
  }
  const context = understood(window.NEWSTORE);
  // What `var` declared cannot be deleted.
  if (context) Reflect.deleteProperty(window, "NEWSTORE") || Reflect.set(window, "NEWSTORE", undefined);
  return context;
}

/** One shape for all deliveries; undefined where there is no external identity. */
function understood(raw) {
  if (typeof raw?.externalIdentity !== "string" || nothing.test(raw.externalIdentity)) return;
  const { cart, store, formData, ...more } = { ...raw, ...raw.contextProps };
  return {
    ...more, cart: json(cart), store: json(store), formData: json(formData),
    externalIdentity: raw.externalIdentity, securityToken: raw.securityToken ?? raw.token,
  };
}

/** JSON, percent-encoded JSON, or already a value. */
function json(value) {
  return typeof value === "string" ? first(peeled(value), parsed) : value;
}

function parsed(value) {
  return attempt(() => JSON.parse(value));
}

/** Base64 of either alphabet, however it is padded: UTF-8, or Latin-1 where it is not. */
function text(base64) {
  const latin1 = atob(base64.replace(/-/g, "+").replace(/_/g, "/").replace(/=/g, ""));
  const bytes = Uint8Array.from(latin1, (c) => c.charCodeAt(0));
  return attempt(() => new TextDecoder("utf-8", { fatal: true }).decode(bytes)) ?? latin1;
}

/** The text, and what is left of it each time that a percent-encoding is taken off. */
function peeled(value) {
  const layers = [value];
  while (layers.length < 4 && decoded(layers.at(-1)) !== layers.at(-1)) layers.push(decoded(layers.at(-1)));
  return layers;
}

/** The first result that is not undefined. */
function first(values, make) {
  for (const value of values) {
    const result = make(value);
    if (result !== undefined) return result;
  }
}

function decoded(value) {
  return attempt(() => value && decodeURIComponent(value)) ?? value;
}

/** In full: relative, it would follow `<base>`, and a path with `//` at its start would name a host. */
function clean() {
  const address = new URL(location);
  if (ofQuery) address.search = parts.filter((part) => part && !names.test(part)).join("&");
  if (ofFragment) address.hash = "";
  history.replaceState(history.state, "", address);
}

function attempt(action) {
  try {
    return action();
  } catch {}
}
