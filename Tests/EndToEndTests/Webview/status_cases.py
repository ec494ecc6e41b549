"""The pages for people on both listeners, as wide as a phone and as a desk. A function is a case; its name says what holds."""
import re

from visit import Visit

ALL = []
PHONE = {"viewport": {"width": 360, "height": 740}, "device_scale_factor": 2, "has_touch": True, "is_mobile": True}
DESKTOP = {"viewport": {"width": 1280, "height": 900}, "device_scale_factor": 1}
DEVICES = {"phone": PHONE, "desktop": DESKTOP}

# The least contrast of any text with what is behind it (WCAG 2.2, 1.4.3), and whose text that is.
CONTRAST = """() => {
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => {
    const [r, g, b] = parts(color).map((part) => part / 255)
      .map((part) => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (color.startsWith("rgb(")) return color;
    }
    return "rgb(255, 255, 255)";
  };
  let worst = [100, ""];
  for (const element of document.querySelectorAll("body *")) {
    if (![...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) continue;
    const isDrawn = element.namespaceURI.endsWith("svg");
    if (isDrawn && element.tagName !== "text") continue;
    const style = getComputedStyle(element);
    const pair = [light(isDrawn ? style.fill : style.color), light(behind(element))].sort((a, b) => b - a);
    const contrast = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (contrast < worst[0]) worst = [contrast, element.outerHTML.slice(0, 200)];
  }
  return worst;
}"""


def case(function):
    ALL.append(function)
    return function


def visits(browser, scene, *addresses):
    """Each address on each device, with the device's name."""
    for address in addresses:
        for name, device in DEVICES.items():
            with Visit(browser, scene, device) as visit:
                visit.page.goto(scene[address])
                yield visit.page, f"{address} on a {name}", visit


def shows(page, *texts):
    for text in texts:
        found = page.get_by_text(re.compile(text)).first
        assert found.is_visible(), f"{text} is not to be seen"
        box = found.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= page.viewport_size["width"], f"{text} is cut off"


@case
def never_scrolls_sideways(browser, scene):
    for page, name, _ in visits(browser, scene, "well", "troubled", "public", "operations"):
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= page.viewport_size["width"], f"{name} is {width} wide"


@case
def loads_nothing_but_itself(browser, scene):
    for _, name, visit in visits(browser, scene, "well", "troubled", "public", "operations"):
        addresses = [request.url for request in visit.requests if not request.url.startswith("data:")]
        assert len(addresses) == 1, f"{name}: {addresses}"


@case
def is_styled_in_spite_of_its_policy(browser, scene):
    for page, name, _ in visits(browser, scene, "well", "public"):
        family = page.evaluate("getComputedStyle(document.querySelector('main')).display")
        assert family in ("grid", "block") and page.evaluate(
            "getComputedStyle(document.documentElement).fontSize") == "15px", name


@case
def shows_what_matters_when_all_is_well(browser, scene):
    for page, _, _ in visits(browser, scene, "well"):
        shows(page, "Nothing needs your attention", "ready", r"Version \d+\.\d+\.\d+, up for", "vip-loyalty", "session_store",
              "acme-staging", "ES256", "signs new tokens", "^Today$", "Event loops")


@case
def says_what_to_do_when_something_is_wrong(browser, scene):
    for page, _, _ in visits(browser, scene, "troubled"):
        shows(page, "unavailable", "session_store", "See that Redis runs", "countersign keys advance", "signature_invalid",
              "The token was changed, or signed by somebody else", "unsupported_media_type",
              "The Content-Type must be application/json")


@case
def can_be_read_in_the_light_and_in_the_dark(browser, scene):
    for scheme in ("light", "dark"):
        for address in ("well", "troubled", "public"):
            with Visit(browser, scene, DESKTOP, color_scheme=scheme) as visit:
                visit.page.goto(scene[address])
                contrast, element = visit.page.evaluate(CONTRAST)
                assert contrast >= 4.5, f"{address}, {scheme}: {contrast:.2f} for {element}"


@case
def can_be_read_without_eyes(browser, scene):
    for page, name, _ in visits(browser, scene, "troubled"):
        for landmark in ("header", "main", "footer", "nav[aria-label]", "h1"):
            assert page.locator(landmark).count() == 1, f"{name}: {landmark}"
        for table in page.locator("table").all():
            assert table.locator("thead th[scope=col]").count() >= 2
            assert table.locator("tbody tr").count() == table.locator("tbody th[scope=row]").count()
            assert page.locator("#" + table.get_attribute("aria-labelledby")).inner_text()
        for section in page.locator("section").all():
            assert page.locator("#" + section.get_attribute("aria-labelledby")).inner_text()
        for drawing in page.locator("svg:not([aria-hidden])").all():
            label = drawing.get_attribute("aria-label") or page.evaluate(
                "(ids) => ids.split(' ').map((id) => document.getElementById(id).textContent).join(' ')",
                drawing.get_attribute("aria-labelledby"))
            assert len(label) > 20 and drawing.get_attribute("role") == "img", label


@case
def leads_from_the_front_page_to_the_status(browser, scene):
    with Visit(browser, scene, DESKTOP) as visit:
        visit.page.goto(scene["operations"])
        visit.page.get_by_text("how the service is doing").click()
        visit.page.wait_for_url("**/status")
        shows(visit.page, "Countersign")


@case
def names_nobody_and_no_token(browser, scene):
    for page, name, _ in visits(browser, scene, "well", "troubled"):
        text = page.content()
        for secret in scene["secrets"]:
            assert secret not in text, name
