"""Offers requests over connections that stay open, at a rate of its own or as fast as they are answered."""
import collections, random, selectors, socket, sys, time


class Link:
    """A connection with at most one request on its way."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data = b""

    def answer(self):
        """Status and body once all of it is here, else None."""
        part = self.socket.recv(65536)
        if not part:
            sys.exit("the service closed a connection")
        self.data += part
        head, found, body = self.data.partition(b"\r\n\r\n")
        if not found:
            return None
        begin = head.lower().find(b"content-length:")
        length = int(head[begin + 15:].split(b"\r", 1)[0]) if begin >= 0 else 0
        if len(body) < length:
            return None
        self.data = b""
        return int(head[9:12]), body


class Offer:
    def __init__(self, ports, connections=32):
        self.links = [Link(ports[number % len(ports)]) for number in range(connections)]
        self.selector = selectors.DefaultSelector()
        for link in self.links:
            self.selector.register(link.socket, selectors.EVENT_READ, link)
        self.random = random.Random(1)

    def close(self):
        self.selector.close()
        for link in self.links:
            link.socket.close()

    def run(self, requests, count, rate=None, keep=False):
        """Sends `count` of `requests`, `rate` in a second at random moments; each must be answered with 200. The bodies if
        they are kept, else None."""
        idle, late, sent, answered, bodies = collections.deque(self.links), 0, 0, 0, [] if keep else None
        due = time.monotonic()
        while answered < count:
            now = time.monotonic()
            while rate and due <= now and sent + late < count:
                late += 1
                due += self.random.expovariate(rate)
            while idle and sent < count and (late or not rate):
                idle.popleft().socket.sendall(next(requests))
                sent += 1
                late -= 1 if rate else 0
            wait = max(0, due - now) if rate and sent + late < count else 10
            for key, _ in self.selector.select(wait):
                answer = key.data.answer()
                if answer is None:
                    continue
                if answer[0] != 200:
                    sys.exit(f"{answer[0]} {answer[1][:300]!r}")
                answered += 1
                idle.append(key.data)
                if keep:
                    bodies.append(answer[1])
        return bodies
