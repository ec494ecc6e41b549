/**
 * Verifies Countersign's external identities. Node 18 or later, no dependencies.
 *
 *   const verifier = new KeySet("https://identity.acme.example", "https://loyalty.acme.example");
 *   const claims = await verifier.claims(token);   // throws Refused (log in again) or Unreachable (try again)
 */
import { constants, createPublicKey, verify } from "node:crypto";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

/** The token is not good. Answer 401. */
export class Refused extends Error {}
/** Countersign could not be asked, which says nothing about the token. Answer 503, never 401. */
export class Unreachable extends Error {}

/** The seconds between two fetches for unknown keys, and after a fetch that failed. */
const [COOL_DOWN, PAUSE] = [10, 1];
/** What an algorithm needs of a key, and what `verify` needs to know. `none` and HMAC are not here, so they do not exist. */
const ALGORITHMS = {
  ES256: { kty: "EC", crv: "P-256", hash: "sha256", options: { dsaEncoding: "ieee-p1363" } },
  ES384: { kty: "EC", crv: "P-384", hash: "sha384", options: { dsaEncoding: "ieee-p1363" } },
  RS256: { kty: "RSA", hash: "sha256", options: { padding: constants.RSA_PKCS1_PADDING } },
  PS256: { kty: "RSA", hash: "sha256", options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } },
  EdDSA: { kty: "OKP", crv: "Ed25519", hash: null, options: {} },
};

/** Checks the signature here, with Countersign's public keys: fast, but a session that was ended early is still good. */
export class KeySet {
  #keys = new Map();
  #freshUntil = 0;
  #retryAt = 0;
  #hasFailed = false;
  #fetching;

  /** `issuer` is Countersign's `public_url`; give it if you reach Countersign at another address. */
  constructor(countersign, audience, issuer = countersign) {
    Object.assign(this, { url: `${countersign}/.well-known/jwks.json`, audience, issuer });
  }

  async claims(token) {
    if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) throw new Refused("not a signed token");
    const [head, body, signature] = token.split(".");
    const { alg, kid } = object(head);
    const key = await this.#key(kid);
    // By the key's own algorithm: the token does not choose.
    if (alg !== key.alg) throw new Refused("not the key's algorithm");
    const { hash, options } = ALGORITHMS[key.alg];
    const signed = Buffer.from(`${head}.${body}`);
    if (!verify(hash, signed, { key: key.key, ...options }, Buffer.from(signature, "base64url"))) {
      throw new Refused("bad signature");
    }
    const claims = object(body);
    if (claims.iss !== this.issuer) throw new Refused("another issuer");
    expect(claims, this.audience);
    if (!(claims.exp > Date.now() / 1000)) throw new Refused("expired");
    return claims;
  }

  /** Fetches the set again once it is as old as Countersign allows, or for an unknown key, but not endlessly. */
  async #key(kid) {
    const now = seconds();
    const isStale = now >= this.#freshUntil;
    if (isStale || !this.#keys.has(kid)) {
      if (this.#fetching || now >= this.#retryAt) await (this.#fetching ??= this.#fetch(isStale ? 0 : COOL_DOWN));
      else if (this.#hasFailed) throw new Unreachable("the last fetch has just failed");
    }
    if (!this.#keys.has(kid)) throw new Refused("unknown key");
    return this.#keys.get(kid);
  }

  async #fetch(coolDown) {
    try {
      const [set, headers] = await ask(this.url);
      const keys = new Map(Array.isArray(set.keys) ? set.keys.flatMap(usable) : []);
      if (keys.size === 0) throw new Unreachable("no usable keys");
      const lifetime = Number(/max-age=(\d+)/.exec(headers.get("cache-control"))?.[1] ?? 300);
      this.#keys = keys;
      this.#freshUntil = seconds() + lifetime;
      this.#retryAt = seconds() + Math.min(lifetime, coolDown);
      this.#hasFailed = false;
    } catch (error) {
      this.#retryAt = seconds() + PAUSE;
      this.#hasFailed = true;
      throw error;
    } finally {
      this.#fetching = undefined;
    }
  }
}

/** Asks Countersign: knows sessions that have ended, and is the only way for opaque tokens. */
export class Introspection {
  /** For opaque tokens `audience` is the identity provider's name. */
  constructor(countersign, audience, verifier, secret) {
    const pair = [verifier, secret].map(encodeURIComponent).join(":");
    const authorization = `Basic ${Buffer.from(pair).toString("base64")}`;
    Object.assign(this, { url: `${countersign}/introspect`, audience, authorization });
  }

  async claims(token) {
    const [answer] = await ask(this.url, {
      method: "POST", headers: { authorization: this.authorization }, body: new URLSearchParams({ token }),
    });
    if (answer.active === false) throw new Refused("not active");
    if (answer.active !== true) throw new Unreachable("not an introspection");
    expect(answer, this.audience);
    return answer;
  }
}

/** The JSON object of an answer, and its headers. */
async function ask(url, options) {
  try {
    const answer = await fetch(url, { ...options, redirect: "error", signal: AbortSignal.timeout(3000) });
    const json = await answer.json();
    if (answer.status === 200 && json?.constructor === Object) return [json, answer.headers];
  } catch {}
  throw new Unreachable(`no answer from ${url}`);
}

/** The key as an entry of a map; none if it cannot have signed a token. */
function usable(jwk) {
  const algorithm = Object.hasOwn(ALGORITHMS, jwk?.alg) ? ALGORITHMS[jwk.alg] : undefined;
  const { kid, kty, crv, use = "sig", alg } = jwk ?? {};
  if (!algorithm || use !== "sig" || kty !== algorithm.kty || crv !== algorithm.crv) return [];
  try {
    return [[kid, { alg, key: createPublicKey({ key: jwk, format: "jwk" }) }]];
  } catch {
    return [];
  }
}

function expect({ aud }, audience) {
  if (![aud].flat().includes(audience)) throw new Refused("another audience");
}

function object(segment) {
  try {
    const json = JSON.parse(Buffer.from(segment, "base64url").toString());
    if (json?.constructor === Object) return json;
  } catch {}
  throw new Refused("not JSON");
}

function seconds() {
  return performance.now() / 1000;
}

/** node verifier.mjs TOKEN AUDIENCE: prints good, refused or unreachable, and exits with 0, 1 or 2. See README.md. */
async function main(token, audience) {
  const { COUNTERSIGN_URL: url, COUNTERSIGN_ISSUER: issuer, COUNTERSIGN_VERIFIER: id } = process.env;
  const secret = process.env.COUNTERSIGN_VERIFIER_SECRET;
  const verifier = id ? new Introspection(url, audience, id, secret) : new KeySet(url, audience, issuer || url);
  for await (const one of token === "-" ? createInterface(process.stdin) : [token]) {
    try {
      await verifier.claims(one);
      process.exitCode = 0;
    } catch (error) {
      process.exitCode = error instanceof Refused ? 1 : 2;
    }
    console.log(["good", "refused", "unreachable"][process.exitCode]);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main(...process.argv.slice(2));
