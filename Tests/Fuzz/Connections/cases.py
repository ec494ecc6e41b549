"""What attackers send: requests, their mutations, and how they are cut and ended. A case follows from its name alone."""
import random

CRLF = b"\r\n"
# What decides how a request is read, put where it does not belong.
SCRAPS = [
    b"\n", b"\r", CRLF, CRLF * 2, b"\0", b" ", b"\t", b":", b": ", b",", b";", b"%", b"%2", b"%zz", b"\xff", b"\x80", b"\x7f",
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip, chunked\r\n", b"Transfer-Encoding : chunked\r\n",
    b"Content-Length: 5\r\n", b"Content-Length: -1\r\n", b"Content-Length: 9223372036854775808\r\n",
    b"Content-Length: 32769\r\n", b"Host: y\r\n", b"Host:\r\n", b" folded\r\n", b"Connection: close\r\n",
    b"Connection: keep-alive\r\n", b"Expect: 100-continue\r\n", b"Upgrade: h2c\r\n", b"0\r\n\r\n", b"5\r\n", b"ffffffffffffffff\r\n",
    b"GET / HTTP/1.1\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
]
CHUNK_SIZES = [
    b"", b"x", b"-1", b"+1", b"0x5", b" 5", b"5 ", b"05", b"5;a=b", b"5;\x01", b"5\n", b"7fffffffffffffff", b"8000000000000000",
    b"fffffffffffffffff", b"8001", b"5" + b";e" * 200, b"0" * 300,
]
TRAILERS = [b"X: y\r\n", b"X y\r\n", b" X: y\r\n", b"X: y\n", b"X: y\r\n" * 101, b"X: " + b"t" * 17000 + CRLF, b"Content-Length: 5\r\n"]


class Case:
    """`acts` are bytes to send and pauses in seconds; `end` is what the client does after them."""

    def __init__(self, name, token):
        self.name = name
        self.random = random.Random(name)
        self.token = token
        self.listener = "operations" if self.random.random() < 0.1 else "public"
        self.end = self.random.choices(
            ["close output", "wait", "stay", "deaf", "reset", "close"], [40, 15, 15, 5, 15, 10])[0]
        self.bytes = self.sent()
        self.acts = self.cut()
        self.manner = f"{len(self.acts) // 2} pieces, pauses of {self.acts[1] if self.acts else 0} s, then {self.end}"

    def sent(self):
        if self.end == "deaf":
            return self.get(b"/webview/countersign.v1.js") * self.random.randint(20, 600)
        kind = self.random.random()
        if kind < 0.03:
            return b""
        if kind < 0.06:
            return self.random.randbytes(self.random.choice([1, 5, 300, 5000]))
        if kind < 0.1:
            return self.endless()
        count = self.random.choice([1, 1, 1, 2, 3, 8, 30])
        requests = [self.request() for _ in range(count)]
        for _ in range(self.random.choice([0, 1, 1, 2, 5])):
            index = self.random.randrange(count)
            requests[index] = self.mutated(requests[index])
        return b"".join(requests)

    def cut(self):
        """All at once, byte by byte, or in pieces, with pauses or without."""
        data, pieces = self.bytes, []
        size = self.random.choice([len(data), len(data), 1, 1, 2, 7, 100, 1460, 16384])
        pause = self.random.choice([0, 0, 0.001, 0.02])
        # Slow clients are few bytes slow: none is busy for longer than two seconds.
        size = max(size, int(len(data) * pause / 2), len(data) // 2000, 1)
        while data:
            count = self.random.randint(1, size) if size > 2 else size
            pieces += [data[:count], pause]
            data = data[count:]
        return pieces

    # Requests

    def get(self, path, fields=b"", method=b"GET", version=b"HTTP/1.1"):
        return method + b" " + path + b" " + version + b"\r\nHost: 127.0.0.1\r\n" + fields + CRLF

    def request(self):
        choose = self.random.choice
        path = choose([
            b"/.well-known/jwks.json", b"/session", b"/webview/countersign.v1.js", b"/livez", b"/metrics", b"/", b"/%2e%2e/x", b"/x?y=z",
            b"/.well-known/oauth-authorization-server"])
        kinds = [
            lambda: self.get(path), lambda: self.get(path, method=b"HEAD"), lambda: self.get(path, b"Connection: close\r\n"),
            lambda: self.get(path, version=b"HTTP/1.0"), lambda: self.get(path, b"Connection: keep-alive\r\n", version=b"HTTP/1.0"),
            lambda: self.get(path, version=choose([b"HTTP/2.0", b"HTTP/0.9", b"HTTP/1.2", b"http/1.1", b"HTTP/1.1 ", b""])),
            lambda: self.get(choose([b"*", b"127.0.0.1:80", path]), method=choose([b"OPTIONS", b"CONNECT", b"TRACE", b"DELETE", b"BREW"])),
            lambda: self.get(choose([b"http://", b"https://", b"HTTP://", b"ftp://"]) + choose([
                b"127.0.0.1", b"x:80", b"[::1]:443", b"[::1", b"u@x", b"", b"x:99999", b"x?y"]) + choose([b"", path])),
            lambda: self.get(b"/session", b"Authorization: Bearer " + choose([b"x", b"", self.token]) + CRLF),
            lambda: self.get(path, b"X: " + b"h" * choose([100, 16300, 16384, 20000, 60000]) + CRLF),
            lambda: self.get(path, b"X: y\r\n" * choose([10, 98, 99, 100, 101, 5000])),
            lambda: self.get(b"/" + b"p" * choose([100, 16300, 20000])),
            self.login, self.login, self.login, self.chunked, self.chunked,
            lambda: self.post(b"/token", b"grant_type=x&subject_token=" + self.token, b"application/x-www-form-urlencoded"),
            lambda: self.post(choose([b"/introspect", b"/revoke", b"/x", b"/livez"]), b"token=x", b"application/x-www-form-urlencoded"),
        ]
        return choose(kinds)()

    def post(self, path, body, kind, fields=b"", length=None):
        length = len(body) if length is None else length
        return self.get(path, b"Content-Type: %s\r\nContent-Length: %d\r\n" % (kind, length) + fields, b"POST") + body

    def body(self):
        return self.random.choice([
            b'{"deviceId":"till-1","identity":"%s"}' % self.token, b'{"identity":"x"}', b"{}", b"", b"[" * 100, b"x" * 32768,
            b" " * 32769, b"\xff\xfe"])

    def login(self):
        body = self.body()
        return self.post(
            b"/post_login_callback/vip-loyalty", body, self.random.choice([b"application/json", b"text/plain"]),
            self.random.choice([b"", b"", b"Expect: 100-continue\r\n", b"Content-Encoding: gzip\r\n", b"Transfer-Encoding: chunked\r\n"]),
            self.random.choice([None, None, None, 0, len(body) + 1, len(body) // 2, 10**18, 10**30]))

    def chunked(self):
        body, chunks = self.body(), b""
        while body:
            count = self.random.choice([1, 5, 100, len(body)])
            size = b"%x" % len(body[:count]) if self.random.random() < 0.97 else self.random.choice(CHUNK_SIZES)
            chunks += size + CRLF + body[:count] + self.random.choices([CRLF, b"\n", b""], [98, 1, 1])[0]
            body = body[count:]
            if len(chunks) > 50000:
                break
        chunks += self.random.choice([b"0\r\n", b"0\r\n", b"000\r\n", b"0;x\r\n", b""])
        if self.random.random() < 0.3:
            chunks += self.random.choice(TRAILERS)
        fields = b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n" + self.random.choice(
            [b"", b"", b"Expect: 100-continue\r\n", b"Content-Length: 5\r\n"])
        return self.get(b"/post_login_callback/vip-loyalty", fields, b"POST") + chunks + CRLF

    def endless(self):
        start, more = self.random.choice([
            (b"GET / HTTP/1.1\r\nX:", b" "), (b"GET / HTTP/1.1\r\n", b"X: y\r\n"), (b"", CRLF), (b"GET /", b"x"),
            (b"POST /token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
            (b"POST /token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n"),
            (b"POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n", b"x")])
        return start + more * (200_000 // len(more))

    def mutated(self, data):
        at = self.random.randint(0, len(data))
        to = min(len(data), at + self.random.choice([1, 1, 2, 10, 100]))
        scrap = self.random.choice(SCRAPS)
        line = data.find(b"\n", at) + 1
        return self.random.choice([
            lambda: data[:at] + scrap + data[at:], lambda: data[:line] + scrap + data[line:], lambda: data[:at] + scrap + data[to:],
            lambda: data[:at] + data[to:], lambda: data[:to] + data[at:], lambda: data[:at], lambda: data.replace(CRLF, b"\n", 1),
            lambda: data.replace(CRLF, b"\n"), lambda: data[:at] + bytes([self.random.randrange(256)]) + data[at + 1:],
            lambda: data.replace(b" ", scrap, 1), lambda: data[:at] + self.request() + data[at:]])()
