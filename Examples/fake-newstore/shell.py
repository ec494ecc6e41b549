"""The phone's web view. It shows a page from a port of its own, so that it can do what the app does and a browser does not:
set `window.NEWSTORE` before any script of the page runs, and catch links to the app.

The page therefore has another origin here, which must be among the provider's `webview.origins` as well.
"""
import base64
import hashlib
import http.client
import http.server
import json
import threading
import urllib.parse

SCRIPT = """(() => {
  // This page is shown by a fake NewStore, for development only.
  const isForApp = (url) => String(url).startsWith("com.newstore.associate-one:");
  const caught = (url) => isForApp(url) && (parent.postMessage({ link: String(url) }, APP), true);
  addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (link && caught(link.href)) event.preventDefault();
  }, true);
  const open = window.open;
  window.open = (url, ...more) => caught(url) ? null : open.call(window, url, ...more);
  globalThis.navigation?.addEventListener("navigate", (event) => caught(event.destination.url) && event.preventDefault());
  if (parent === window) addEventListener("load", () => {
    const sign = Object.assign(document.createElement("p"), { textContent: "Shown by a fake NewStore, for development only" });
    sign.style.cssText = "position:fixed;inset:auto 0 0;margin:0;padding:.5rem;background:#b42318;color:#fff;text-align:center";
    document.body.append(sign);
  });
})();"""
# Of one connection only, or written again here.
NOT_PASSED_ON = {"connection", "keep-alive", "transfer-encoding", "content-length", "content-security-policy",
                 "x-frame-options", "upgrade", "te", "trailer", "host", "accept-encoding", "if-none-match", "server", "date"}


class Shells:
    """One web view for each origin of the pages, on ports one after another."""

    def __init__(self, app, first_port, urls):
        origins = dict.fromkeys(origin(url) for url in urls if url.startswith("http"))
        self._servers = {it: ShellServer(first_port + number, it, app) for number, it in enumerate(origins)}

    @property
    def origins(self):
        """What a page's origin is here, by what it is elsewhere."""
        return {page: server.origin for page, server in self._servers.items()}

    def address(self, url, delivery, query, fragment, context):
        """Where the page is shown with what the app knows; a native app's own address is not shown, but returned."""
        server = self._servers.get(origin(url))
        if not server:
            return url + query + fragment
        server.context = context
        return server.origin + (urllib.parse.urlsplit(url).path or "/") + query + fragment


def origin(url):
    parts = urllib.parse.urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def allowing(policy, script):
    """The policy of a page, in which that script may run, and which lets the page be framed."""
    rules = {}
    for name, *sources in (rule.split() for rule in policy.split(";") if rule.strip()):
        rules.setdefault(name.lower(), sources)
    rules.pop("frame-ancestors", None)
    name = next((name for name in ("script-src-elem", "script-src", "default-src") if name in rules), None)
    sources = rules.get(name, [])
    # A digest would take the leave from all other scripts in the page.
    is_open = "'unsafe-inline'" in sources and not any(it.startswith(("'sha", "'nonce-")) for it in sources)
    if name and not is_open:
        rules["script-src" if name == "default-src" else name] = [it for it in sources if it != "'none'"] + [script]
    return "; ".join(" ".join([name, *sources]) for name, sources in rules.items())


class ShellServer(http.server.ThreadingHTTPServer):
    def __init__(self, port, page, app):
        super().__init__(("127.0.0.1", port), ShellHandler)
        self.page, self.app, self.origin, self.context = urllib.parse.urlsplit(page), app, f"http://127.0.0.1:{port}", None
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def script(self):
        """What the app adds to a page. The global is for the page that was opened, not for the next one."""
        context, self.context = self.context, None
        given = f"window.NEWSTORE = {json.dumps(json.loads(context))};\n" if context else ""
        # A customer's name may hold what would end a script.
        return given.replace("<", "\\u003c") + SCRIPT.replace("APP", json.dumps(self.app))


class ShellHandler(http.server.BaseHTTPRequestHandler):
    timeout = 30

    def do_GET(self):
        if self.headers.get("Host") != self.server.origin.removeprefix("http://"):
            return self.send_error(421, "This fake NewStore answers on 127.0.0.1 only")
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdigit() and int(length) <= 1 << 20):
            return self.send_error(413, "This fake NewStore passes on bodies of at most 1 MiB, with their length")
        try:
            status, headers, body = self._ask(self.rfile.read(int(length)))
        except (OSError, http.client.HTTPException):
            return self.send_error(502, "The page's server does not answer this fake NewStore")
        kind = next((value for name, value in headers if name.lower() == "content-type"), "")
        policy = next((value for name, value in headers if name.lower() == "content-security-policy"), None)
        if kind.startswith("text/html"):
            body, policy = self._with_script(body, policy)
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in NOT_PASSED_ON:
                # A redirect stays in the phone.
                self.send_header(name, value.replace(self.server.page.geturl(), self.server.origin)
                                 if name.lower() == "location" else value)
        if policy:
            self.send_header("Content-Security-Policy", policy)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = do_GET

    def _ask(self, body):
        page = self.server.page
        kind = http.client.HTTPSConnection if page.scheme == "https" else http.client.HTTPConnection
        connection = kind(page.netloc, timeout=20)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in NOT_PASSED_ON}
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def _with_script(self, body, policy):
        """The script first of all, in a page that may be shown in a frame here, and whose policy allows the script."""
        script = self.server.script()
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        tag = f"<script>{script}</script>".encode()
        start = body.lower().find(b"<head>")
        at = start + len(b"<head>") if start >= 0 else 0
        return body[:at] + tag + body[at:], policy and allowing(policy, f"'sha256-{digest}'")

    def version_string(self):
        return "fake-newstore"

    def log_message(self, format, *values):
        """Nothing: a deep link has the external identity in its query."""
