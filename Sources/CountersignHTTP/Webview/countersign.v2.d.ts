/**
 * Types of Countersign's webview script, version 2, under the name that the page's import map gives it. Copy this file
 * into the page's project. docs/webview.md says what everything means.
 */
declare module "countersign" {
  /** Countersign's answer: whose session it is. */
  export interface Session {
    active: true;
    identity_provider: string;
    tenant: string;
    /** The associate. */
    sub: string;
    /** In seconds since 1970. */
    exp: number;
    /** Where the store was away, and only the token's signature could be checked. */
    session?: "unconfirmed";
    /** The support code, by which the question is found in the log. */
    request_id: string;
  }

  /** NewStore's cart, as the app hands it over: unsigned. */
  export interface Cart {
    cartId: string;
    items?: { itemId: string; productId: string; price?: number }[];
    selectedCoupons?: string[];
    currency?: string;
    remainingAmount?: number;
    grandTotal?: number;
    subTotal?: number;
    customerEmail?: string;
  }

  /** What the app handed over. Only `externalIdentity` is signed. */
  export interface Context {
    externalIdentity: string;
    securityToken?: string;
    cart?: Cart;
    store?: { storeId: string; countryCode?: string };
    formData?: { profileId?: string; associateId?: string; storeId?: string; cartId?: string; [more: string]: unknown };
    [more: string]: unknown;
  }

  export type DenyReason = "no_identity" | "expired" | "refused" | "unreachable";

  export interface Options<Rendered, Denied> {
    render(session: Session, context: Context): Rendered;
    /** `supportCode` finds the question in Countersign's log; absent if there was no answer. */
    deny(reason: DenyReason, supportCode?: string): Denied;
    identityProvider?: string;
    service?: string | URL;
    timeout?: number;
  }

  /** Asks Countersign who opened the page, calls `render` or `deny`, and returns its result. */
  export function start<Rendered, Denied>(
    options: Options<Rendered, Denied>,
  ): Promise<Awaited<Rendered> | Awaited<Denied>>;

  /** The address that takes coupon codes back to the app's cart. */
  export function couponsLink(
    codes: readonly string[], context: Pick<Context, "cart" | "formData" | "securityToken">,
  ): string;
}
