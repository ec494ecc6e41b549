"""Reads answers as strictly as a client could."""
import json
import re

STATUSES = {200, 204, 304, 400, 401, 403, 404, 405, 406, 408, 411, 413, 414, 415, 417, 421, 429, 431, 501, 503, 505}
HEAD = re.compile(rb"HTTP/1\.1 (\d{3}) [A-Za-z' -]+\r\n((?:[A-Za-z0-9-]+: [\x20-\x7e]*\r\n)*)\r\n")


class Malformed(Exception):
    pass


def expect(condition, text):
    if not condition:
        raise Malformed(text)


def read(data, sent):
    """The statuses of the answers in `data`, without interim ones, and what is left: the beginning of one more answer."""
    statuses, is_last = [], False
    while data:
        head = HEAD.match(data)
        if head is None and b"\r\n\r\n" not in data:
            break
        expect(head, f"a head that is none: {data[:300]!r}")
        status, rest = int(head[1]), data[head.end():]
        fields = [line.split(b": ", 1) for line in head[2].split(b"\r\n")[:-1]]
        names = [name.lower() for name, _ in fields]
        fields = {name.lower(): value for name, value in fields}
        if status == 100:
            expect(b"100-continue" in sent.lower() and not fields, "100 that nobody waits for")
            data = rest
            continue
        expect(not is_last, "an answer after the last one")
        expect(status in STATUSES, f"status {status}: {data[:500]!r}")
        expect(len(names) == len(set(names)), f"a field twice: {head[0]!r}")
        expect({b"x-request-id", b"date"} <= set(names), f"fields are missing: {head[0]!r}")
        has_length = status not in (204, 304)
        expect((b"content-length" in fields) == has_length, f"length of {status}: {head[0]!r}")
        count = int(fields[b"content-length"]) if has_length else 0
        # The answer to HEAD: nothing follows, or another answer does, as which no body of ours begins.
        if count and b"HEAD" in sent and (not rest or b"HTTP/1.1 ".startswith(rest[:9])):
            count = 0
        if len(rest) < count:
            break
        if count and status >= 400 and fields[b"content-type"] == b"application/problem+json":
            expect(json.loads(rest[:count])["status"] == status, f"another status in the document: {rest[:count]!r}")
        statuses.append(status)
        is_last = fields.get(b"connection") == b"close"
        data = rest[count:]
    return statuses, data
