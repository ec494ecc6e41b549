"""What the loyalty page's server makes of requests that do not end where they seem to, and of events. Nobody is asked about a token here."""
import contextlib
import http.server
import io
import pathlib
import socket
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "Examples/loyalty-webview"))

from server import Handler

NEXT = b"GET /index.html HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (len(NEXT), NEXT)
LENGTH = b"Content-Length: %d\r\n" % len(NEXT)


class Requests(unittest.TestCase):
    def setUp(self):
        self.events = []
        handler = type("ShortHandler", (Handler,), {
            "timeout": 1, "countersign": "http://127.0.0.1:9", "events_key": "right", "answers": self})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def event(self, event):
        """In place of the answers: what the server lets through to them."""
        self.events.append(event)
        return {}

    def statuses(self, *requests):
        """Of all answers on one connection."""
        with socket.create_connection(self.server.server_address, timeout=5) as connection:
            connection.sendall(b"".join(requests))
            connection.shutdown(socket.SHUT_WR)
            received = b""
            try:
                while piece := connection.recv(65536):
                    received += piece
            except ConnectionResetError:
                pass
        return [int(answer[:3]) for answer in received.split(b"HTTP/1.1 ")[1:]]

    def post(self, headers, body=NEXT):
        return b"POST /api/rewards HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n" + body

    def test_a_body_is_never_the_next_request(self):
        self.assertEqual(self.statuses(self.post(LENGTH)), [401])
        self.assertEqual(self.statuses(self.post(b"Authorization: Bearer x\r\n" + LENGTH)), [400])
        self.assertEqual(self.statuses(b"GET / HTTP/1.1\r\nHost: x\r\n" + LENGTH + b"\r\n" + NEXT), [200])
        self.assertEqual(self.statuses(b"PUT / HTTP/1.1\r\nHost: x\r\n" + LENGTH + b"\r\n" + NEXT), [501])

    def test_what_comes_after_a_body_is_the_next_request(self):
        self.assertEqual(self.statuses(self.post(LENGTH), NEXT), [401, 200])
        self.assertEqual(self.statuses(NEXT, NEXT), [200, 200])

    def test_the_connection_ends_where_a_body_has_no_clear_end(self):
        chunked = b"Transfer-Encoding: chunked\r\n"
        for authorization in (b"", b"Authorization: Bearer x\r\n"):
            self.assertEqual(self.statuses(self.post(authorization + chunked, CHUNKED), NEXT), [411])
            self.assertEqual(self.statuses(self.post(authorization + chunked + b"Content-Length: 0\r\n", CHUNKED)), [411])
            for length in (b"-1", b"+0", b"0x10", b"", b"0, 5", b"0\r\nContent-Length: 5", b"\xc2\xb2"):
                self.assertEqual(self.statuses(self.post(authorization + b"Content-Length: " + length + b"\r\n")), [400], length)
            self.assertEqual(self.statuses(self.post(authorization + b"Content-Length : 9\r\n")), [400])
            self.assertEqual(self.statuses(self.post(authorization + b"Content-Length: 16385\r\n")), [413])
        self.assertEqual(self.statuses(b"GET / HTTP/1.1\r\nHost: x\r\n" + chunked + b"\r\n" + CHUNKED), [411])

    def test_a_body_that_is_no_question_is_refused(self):
        for body in (b"", b"[]", b"null", b"{", b"[" * 16000, b"\xff"):
            headers = b"Authorization: Bearer x\r\nContent-Length: %d\r\n" % len(body)
            self.assertEqual(self.statuses(self.post(headers, body), NEXT), [400, 200], body[:9])

    def test_a_forged_event_is_refused_aloud_and_whatever_it_says(self):
        def post(key, body=b'{"name":"order.completed"}'):
            head = b"POST /events HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n" % (key, len(body))
            with contextlib.redirect_stdout(io.StringIO()) as told:
                return self.statuses(head + body, NEXT), told.getvalue().count("EVENT REFUSED")

        for key in (b"", b"X-API-Key: wrong\r\n", b"X-API-Key: righ\r\n", b"X-API-Key: \xc3\xa9\r\n",
                    b"Authorization: Bearer right\r\n"):
            for body in (b'{"name":"order.completed"}', b"", b"{"):
                self.assertEqual(post(key, body), ([401, 200], 1), key)
        self.assertEqual(self.events, [])
        self.assertEqual(post(b"X-API-Key: right\r\n"), ([200, 200], 0))
        self.assertEqual(post(b"X-API-Key: right\r\n", b"["), ([400, 200], 0))
        self.assertEqual(self.events, [{"name": "order.completed"}])


if __name__ == "__main__":
    unittest.main()
