"""Attacks the real service over raw sockets while a good client logs in; Tests/Fuzz/README.md says what must hold.

run.py SECONDS PROGRAM SEED           cases SEED/0, SEED/1, … for that many seconds
run.py SECONDS PROGRAM SEED/NUMBER    one case again and again
"""
import collections
import errno
import itertools
import select
import socket
import struct
import sys
import threading
import time

import answers
from cases import Case
from service import IDLE, Late, Service, until

ATTACKERS = 42
# One for an idle connection, two for a request and its answer, and for lingering, as the configuration has them.
LIFE = IDLE + 2 * 0.5 + 2
# Of the kernel, once a peer takes nothing more.
FORGETTING = 0.5 + 2
# Of everybody with a machine that is busy with other things too.
PATIENCE = 10
# In which a request that is cut into pieces certainly came in its time, so that it must be answered as one that is not cut.
PROMPT = 0.4


class Finding(Exception):
    pass


class Connection:
    """One attack: what a case does, and what came back."""

    def __init__(self, service, case, acts, source):
        self.case, self.acts = case, acts
        self.received, self.is_reset, self.is_ended = b"", False, False
        self.socket = socket.socket()
        if case.end == "deaf":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        self.socket.bind((source, 0))
        self.socket.connect(("127.0.0.1", service.ports[case.listener]))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)

    def run(self):
        with self.socket:
            try:
                for act in self.acts:
                    if isinstance(act, bytes):
                        self.send(act)
                    elif not self.is_ended:
                        self.take(act)
                getattr(self, self.case.end.replace(" ", "_"))()
            except OSError as error:
                # What has been reset knows no other side either.
                if error.errno not in (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN):
                    raise
                self.is_reset = True
        statuses, rest = answers.read(self.received, self.case.bytes)
        if rest and self.is_ended and not self.is_reset:
            raise Finding(f"closed in the middle of an answer: {rest[:300]!r}")
        return statuses

    def send(self, data):
        """All of it, except to a server that has closed, or that answers somebody who is deaf."""
        is_deaf, end = self.case.end == "deaf", time.monotonic() + LIFE + PATIENCE
        while data and not self.is_ended:
            events = self.poll(select.POLLOUT | (0 if is_deaf else select.POLLIN), 0 if is_deaf else 1)
            if not events & select.POLLOUT and is_deaf:
                return
            if events & select.POLLOUT:
                data = data[self.socket.send(data[:65536]):]
                end = time.monotonic() + LIFE + PATIENCE
            if time.monotonic() > end:
                raise Finding("takes no bytes and does not close")

    def take(self, seconds):
        end = time.monotonic() + seconds
        while not self.is_ended and (rest := end - time.monotonic()) > 0:
            if self.case.end == "deaf":
                time.sleep(rest)
            elif self.poll(select.POLLIN, rest) & select.POLLIN:
                end = max(end, time.monotonic())

    def poll(self, events, seconds):
        poll = select.poll()
        poll.register(self.socket, events)
        found = poll.poll(seconds * 1000)
        found = found[0][1] if found else 0
        if found & select.POLLIN:
            data = self.socket.recv(65536)
            self.received += data
            self.is_ended = not data
        elif found & select.POLLERR:
            self.socket.recv(1)
        return found

    # How it ends

    def await_end(self):
        end = time.monotonic() + LIFE + PATIENCE
        while not self.is_ended:
            if self.poll(select.POLLIN, 1) & select.POLLIN:
                end = time.monotonic() + LIFE + PATIENCE
            if time.monotonic() > end:
                raise Finding("outlives its deadline")

    def close_output(self):
        if not self.is_ended:
            self.socket.shutdown(socket.SHUT_WR)
        self.await_end()

    def wait(self):
        self.await_end()

    def stay(self):
        """Goes on sending though the server has closed its side, until that does not listen any more."""
        self.await_end()
        end = time.monotonic() + LIFE + PATIENCE
        while time.monotonic() < end:
            self.socket.send(b"x")
            time.sleep(0.05)
        raise Finding("is not closed after its last answer")

    def deaf(self):
        """What nobody takes is forgotten, by the kernel too."""
        until(lambda: not self.is_held(), LIFE + FORGETTING + PATIENCE, "the end of what takes no answer")

    def is_held(self):
        """Whether the server has its end of the connection, or the kernel holds something for it (by its list of IPv4)."""
        (_, local), (_, remote) = self.socket.getpeername(), self.socket.getsockname()
        with open("/proc/net/tcp") as table:
            rows = [line.split()[1:4] for line in table.readlines()[1:]]
        # Without those that were closed in order and wait for stray packets: FIN_WAIT2, TIME_WAIT.
        return any(
            row[0].endswith(f":{local:04X}") and row[1].endswith(f":{remote:04X}") and row[2] not in ("05", "06") for row in rows)

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def close(self):
        pass


class Run:
    def __init__(self, service, seconds, seed):
        self.service, self.seconds = service, seconds
        self.names = itertools.repeat(seed) if "/" in seed else (f"{seed}/{number}" for number in itertools.count())
        self.lock, self.end = threading.Lock(), threading.Event()
        self.findings, self.statuses, self.counts = [], collections.Counter(), collections.Counter()
        self.slowest = 0

    def attack(self, source):
        while not self.end.is_set():
            with self.lock:
                case = Case(next(self.names), self.service.token)
            try:
                self.compare(case, source)
            except Exception as finding:
                self.found(f"case {case.name}, {case.listener}, {case.manner}: {finding!r}\nsent: {case.bytes!r}")

    def compare(self, case, source):
        """Where the client says when it has sent all, the same bytes in one piece must be answered the same."""
        begin = time.monotonic()
        cut = self.outcome(case, case.acts, source)
        if case.end != "close output" or len(case.acts) <= 2:
            return
        whole = self.outcome(case, [case.bytes], source)
        if time.monotonic() - begin < PROMPT and any(a != b for a, b in zip(cut, whole)):
            raise Finding(f"answers {cut} in pieces, {whole} in one")
        self.counts["compared"] += 1

    def outcome(self, case, acts, source):
        statuses = Connection(self.service, case, acts, source).run()
        with self.lock:
            self.statuses.update(statuses)
            self.counts["connections"] += 1
            self.counts["answered"] += bool(statuses)
        return statuses

    def log_in(self):
        """As a good client: always 200, and soon."""
        while not self.end.is_set():
            for name, ask in [
                ("login", self.service.login),
                ("livez", lambda: self.service.ask("operations", b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")),
            ]:
                begin = time.monotonic()
                try:
                    status, body = ask()
                    if status != 200:
                        self.found(f"the good client's {name}: {status} {body!r}")
                except Late:
                    self.counts["late"] += 1
                except Exception as error:
                    self.found(f"the good client's {name}: {error!r}")
                self.slowest = max(self.slowest, time.monotonic() - begin)
                self.counts[name] += 1
            time.sleep(0.02)

    def found(self, text):
        with self.lock:
            self.findings.append(text)
        self.end.set()

    def run(self):
        self.service.login()
        until(lambda: self.service.connections() == 0, PATIENCE, "no connection is left")
        files = self.service.open_files()
        sources = itertools.cycle(["127.0.0.2", "127.0.0.3", "127.0.0.4"])
        threads = [threading.Thread(target=self.attack, args=[next(sources)]) for _ in range(ATTACKERS)]
        threads.append(threading.Thread(target=self.log_in))
        for thread in threads:
            thread.start()
        self.end.wait(self.seconds)
        self.end.set()
        for thread in threads:
            thread.join()
        if self.slowest > PATIENCE:
            self.findings.append(f"the good client waited for {self.slowest:.1f} s")
        if not self.service.is_running:
            return self.findings.append("the service has died:\n" + "".join(self.service.lines()[-200:]))
        try:
            until(lambda: self.service.connections() == 0, PATIENCE, "no connection is left")
            until(lambda: self.service.open_files() <= files, PATIENCE, f"{files} open files again")
        except TimeoutError as error:
            self.findings.append(str(error))

    def report(self):
        print(f"stat::connections {self.counts['connections']}, of which answered {self.counts['answered']}, "
              f"compared in pieces and in one {self.counts['compared']}")
        print(f"stat::answers {dict(sorted(self.statuses.items()))}")
        print(f"stat::good client {self.counts['login']} logins, slowest {self.slowest:.2f} s, late {self.counts['late']}")
        for finding in self.findings:
            print("ERROR:", finding)


def main():
    service = Service(sys.argv[2])
    run = Run(service, float(sys.argv[1]), sys.argv[3])
    print(f"seed {sys.argv[3]}")
    run.run()
    if service.is_running:
        print(f"stat::peak memory {service.peak_memory()} MB")
        if (status := service.stop()) != 0:
            run.findings.append(f"ends with {status} on SIGTERM")
    run.report()
    sys.exit(bool(run.findings))


main()
