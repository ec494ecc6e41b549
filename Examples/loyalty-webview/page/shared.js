// What both pages need: elements, questions to the back end, and what is shown in place of the page.

const page = document.getElementById("page");

const reasons = {
  no_identity: ["Open this page from the app", "It needs to know who you are, and only the Associate App can tell."],
  expired: ["Your session has ended", "Log out of the Associate App and in again, then open this page once more."],
  refused: ["This page is not for this login", "Log in to the Associate App again. If that does not help, call support."],
  unreachable: ["The page cannot be reached", "The connection or the service is down. The cart is not affected."],
  changed: ["Something has changed meanwhile", "The cart, the points or the rewards are no longer what was shown here."],
};

/** Asks Countersign who opened the page, then lets `show(kit, session, context)` draw it. */
export function begin(identityProvider, show) {
  import("countersign").then(
    (kit) => kit.start({
      // Without it any good session is shown the page if this origin also serves another provider, or Countersign itself.
      identityProvider,
      render: (session, context) => show(kit, session, context),
      deny: (reason, code) => deny(reason, () => begin(identityProvider, show), code),
    }),
    () => deny("unreachable"),
  );
}

/**
 * @param again what a button does; without it the page is loaded again.
 * @param code what the associate tells support, who find the question in Countersign's log by it.
 */
export function deny(reason, again = () => location.reload(), code = undefined) {
  const [title, advice] = reasons[reason];
  const parts = [draw("h1", {}, title), draw("p", {}, advice)];
  if (["unreachable", "changed"].includes(reason)) {
    parts.push(draw("button", { className: "action", onclick: again }, "Try again"));
  }
  if (code) parts.push(draw("p", { className: "hint code" }, `Support code: ${code}`));
  const notice = draw("section", { className: "notice" }, ...parts);
  notice.dataset.reason = reason;
  page.replaceChildren(notice);
}

/** Asks our back end, which verifies the external identity itself; undefined once a denial is shown. */
export async function ask(what, context, question, again) {
  let answer;
  try {
    answer = await fetch(`api/${what}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${context.externalIdentity}` },
      body: JSON.stringify(question),
    });
    if (answer.ok) return await answer.json();
  } catch {
    // No answer at all: as if the back end were down.
  }
  deny({ 401: "expired", 409: "changed" }[answer?.status] ?? "unreachable", again);
}

export function show(...content) {
  page.replaceChildren(...content);
}

/** An element with text and elements in it. Text is never read as HTML. */
export function draw(name, properties, ...content) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...content);
  return element;
}
