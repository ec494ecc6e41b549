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
        return [server.origin for server in self._servers.values()]

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
        try:
            status, headers, body = self._ask()
        except (OSError, ValueError, http.client.HTTPException):
            return self.send_error(502, "The page's server does not answer this fake NewStore")
        kind = next((value for name, value in headers if name.lower() == "content-type"), "")
        policy = next((value for name, value in headers if name.lower() == "content-security-policy"), None)
        if kind.startswith("text/html"):
            body, policy = self._with_script(body, policy)
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in NOT_PASSED_ON:
                self.send_header(name, value)
        if policy:
            self.send_header("Content-Security-Policy", policy)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = do_GET

    def _ask(self):
        page = self.server.page
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 1 << 20))
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
        rules = [rule.split() for rule in (policy or "").split(";") if rule.strip()]
        rules = [rule for rule in rules if rule[0] != "frame-ancestors"]
        for rule in rules:
            if rule[0] == "script-src":
                rule[1:] = [source for source in rule[1:] if source != "'none'"] + [f"'sha256-{digest}'"]
        tag = f"<script>{script}</script>".encode()
        start = body.lower().find(b"<head>")
        at = start + len(b"<head>") if start >= 0 else 0
        return body[:at] + tag + body[at:], "; ".join(" ".join(rule) for rule in rules)

    def version_string(self):
        return "fake-newstore"

    def log_message(self, format, *values):
        """Nothing: a deep link has the external identity in its query."""
