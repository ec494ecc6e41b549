#!/usr/bin/env python3
"""What one replica carries, what Redis needs, and whether replicas and a cluster change that.

  make bench-scale                          all tables of docs/scaling.md, twenty minutes
  make bench-scale SCALE='--only costs'     or rates, memory, replicas, model; several with commas

Starts real redis-servers and replicas of the release build. Requests come at random moments at a steady rate, over connections that
stay open. All of it shares the machine's cores, so what counts is CPU time by request, not how many a second: of replicas
from /proc, of Redis as it reports it, each less what it takes when idle. A figure is the median of its rounds.
"""
import argparse, base64, contextlib, json, os, pathlib, signal, socket, statistics, subprocess, sys, tempfile, time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Login"))
import login
from offer import Link, Offer

PROVIDERS = {"jwt": ["loyalty", "clienteling", "aisle"], "opaque": ["notes"]}
LISTENING = 32
JSON = {"Content_Type": "application/json"}


class Redis:
    """A redis-server without persistence."""

    def __init__(self, folder, is_member=False):
        self.port = login.free_port()
        while is_member and self.port > 55535:        # its bus has a port 10,000 higher
            self.port = login.free_port()
        folder = folder / f"redis-{self.port}"
        folder.mkdir()
        options = ["--cluster-enabled", "yes"] if is_member else []
        self.process = login.start(["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--save", "", "--dir", folder,
                                    *options], stdout=subprocess.DEVNULL)
        login.until("redis-server", self.listens)
        self.socket = socket.create_connection(("127.0.0.1", self.port), 60)
        self.file = self.socket.makefile("rb")

    def listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def ask(self, *words):
        return self.ask_all([words])[0]

    def ask_all(self, commands):
        encode = lambda word: word if isinstance(word, bytes) else str(word).encode()
        for words in commands:
            words = [encode(word) for word in words]
            self.socket.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(w), w) for w in words))
        return [self.reply() for _ in commands]

    def reply(self):
        line = self.file.readline()[:-2]
        kind, rest = line[:1], line[1:]
        if kind == b"-":
            sys.exit(f"redis-server: {rest.decode()}")
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.reply() for _ in range(int(rest))]
        return int(rest) if kind == b":" else rest

    def info(self, section):
        lines = self.ask("INFO", section).decode().split("\r\n")
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def cpu(self):
        found = self.info("cpu")
        return float(found["used_cpu_user"]) + float(found["used_cpu_sys"])

    def keys(self, pattern):
        cursor, found = b"0", set()
        while True:
            cursor, some = self.ask("SCAN", cursor, "MATCH", pattern, "COUNT", 5000)
            found |= set(some)
            if cursor == b"0":
                return found


class Deployment(login.Service):
    """Replicas over one Redis, or over a cluster of three masters."""

    def __init__(self, program, folder, replicas=1, is_cluster=False):
        self.program, self.folder, self.counter = program, folder, None
        self.redis = [Redis(folder, is_cluster) for _ in range(3 if is_cluster else 1)]
        if is_cluster:
            members = [f"127.0.0.1:{redis.port}" for redis in self.redis]
            subprocess.run(["redis-cli", "--cluster", "create", *members, "--cluster-yes"], check=True, capture_output=True)
            login.until("the cluster", lambda: all(r.ask("CLUSTER", "INFO").startswith(b"cluster_state:ok") for r in self.redis))
        self.url = ("redis-cluster://" if is_cluster else "redis://") + ",".join(f"127.0.0.1:{r.port}" for r in self.redis)
        run = lambda *words: subprocess.run(words, cwd=folder, check=True, capture_output=True)
        run("openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "issuer.pem")
        run("openssl", "pkey", "-in", "issuer.pem", "-pubout", "-out", "issuer.public.pem")
        self.verifier = os.urandom(32).hex()
        (folder / "secret").write_text(self.verifier)
        (folder / "secret").chmod(0o600)
        self.ports, self.processes = [], []
        for number in range(replicas):
            config = self.configuration(number)
            if number == 0:
                run(program, "keys", "generate", "--config", config)
            with open(folder / f"log-{number}", "wb") as log:
                self.processes.append(login.start([program, "serve", "--config", config], cwd=folder, stdout=log, stderr=log))
        for number, operations in enumerate(self.operations):
            login.until("a replica", lambda: self.is_ready(operations))
        time.sleep(2)                                 # what begins, begins

    def configuration(self, number):
        if number == 0:
            self.operations = []
        public, operations = login.free_port(), login.free_port()
        self.ports.append(public)
        self.operations.append(operations)
        provider = lambda name, kind: f"""
  - name: {name}
    tenants: [acme-staging]
    mode: strict
    token: {{ kind: {kind}, lifetime: 3h, claims: {{ email: {{ from: email }} }} }}"""
        providers = "".join(provider(name, kind) for kind, names in PROVIDERS.items() for name in names)
        config = self.folder / f"countersign-{number}.yaml"
        config.write_text(f"""\
public_url: http://127.0.0.1:8080
listen: {{ public: "127.0.0.1:{public}", operations: "127.0.0.1:{operations}" }}
log: {{ level: info, format: json }}
limits: {{ requests_per_second: 0, connections_per_source: 0, connections: 20000 }}
signing: {{ directory: signing }}
sessions: {{ store: redis, redis: {{ url: "{self.url}" }} }}
tenants:
  - name: acme-staging
    issuer: {login.ISSUER}
    keys: {{ public_key_files: [issuer.public.pem] }}
identity_providers:{providers}
verifiers:
  - {{ id: backend, secret: {{ file: secret }}, identity_providers: [{", ".join(sum(PROVIDERS.values(), []))}] }}
""")
        return config

    def is_ready(self, port):
        return self.listens(port) and login.Connection(port).ask(login.request("GET", "/readyz"))[0] == 200

    def stop(self):
        for process in self.processes + [redis.process for redis in self.redis]:
            os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes:
            process.wait(30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    # Figures

    def service_cpu(self):
        total = 0
        for process in self.processes:
            with open(f"/proc/{process.pid}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) / login.TICK
        return total

    def redis_cpu(self):
        return sum(redis.cpu() for redis in self.redis)

    def resident(self):
        with open(f"/proc/{self.processes[0].pid}/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS"))

    def idle_cpu(self, seconds=10):
        """CPU in a second of all replicas, and of Redis, while nobody asks."""
        before = self.service_cpu(), self.redis_cpu()
        time.sleep(seconds)
        after = self.service_cpu(), self.redis_cpu()
        return tuple((b - a) / seconds for a, b in zip(before, after))

    def counters(self):
        """Commands, and bytes in and out, of Redis."""
        commands, read, written = 0, 0, 0
        for redis in self.redis:
            stats = redis.info("stats")
            commands += int(stats["total_commands_processed"])
            read += int(stats["total_net_input_bytes"])
            written += int(stats["total_net_output_bytes"])
        return commands, read, written

    # Requests

    def callback(self, provider, device, token):
        body = json.dumps({"deviceId": device, "identity": token}, separators=(",", ":")).encode()
        return login.request("POST", f"/post_login_callback/{provider}", body, **JSON)

    def introspection(self, session):
        basic = "Basic " + base64.b64encode(f"backend:{self.verifier}".encode()).decode()
        return login.request("POST", "/introspect", f"token={session}".encode(), Authorization=basic,
                             Content_Type="application/x-www-form-urlencoded")

    def page(self, session):
        return login.request("GET", "/session", Authorization="Bearer " + session)

    def logins(self, *providers):
        """Endless new logins: for each device a callback of each provider, one after the other, with the same token."""
        token, number = self.identity_token(), 0
        while True:
            number += 1
            for provider in providers:
                yield self.callback(provider, f"till-{os.urandom(4).hex()}-{number:08}", token)

    def sessions(self, provider, count):
        bodies = self.offer(self.logins(provider), count, keep=True)
        return [json.loads(body)["external_identity"] for body in bodies]

    def offer(self, requests, count, rate=None, keep=False, connections=LISTENING):
        offer = Offer(self.ports, connections)
        try:
            return offer.run(requests, count, rate, keep)
        finally:
            offer.close()


def cycle(items):
    while True:
        yield from items


def cost(deployment, requests, rate, seconds, idle):
    """CPU of replicas and of Redis in microseconds, commands, and bytes to and from Redis, each by request."""
    offer = Offer(deployment.ports, LISTENING)
    offer.run(requests, int(rate), rate)              # warm-up
    before, begin = (deployment.service_cpu(), deployment.redis_cpu(), *deployment.counters()), time.monotonic()
    offer.run(requests, int(rate * seconds), rate)
    after, took = (deployment.service_cpu(), deployment.redis_cpu(), *deployment.counters()), time.monotonic() - begin
    offer.close()
    service, redis, commands, read, written = ((b - a) / int(rate * seconds) for a, b in zip(before, after))
    share = took / int(rate * seconds)
    return (service - idle[0] * share) * 1e6, (redis - idle[1] * share) * 1e6, commands, read, written


def medians(rows):
    return [statistics.median(column) for column in zip(*rows)]


def table(*columns):
    print("\n| " + " | ".join(columns) + " |\n|" + "---|" * len(columns), flush=True)


def row(name, *cells):
    print(f"| {name} | " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def new_folder():
    return tempfile.TemporaryDirectory(ignore_cleanup_errors=True)


# ---------------------------------------------------------------- what one replica carries

def costs(arguments):
    with new_folder() as folder, Deployment(arguments.program, pathlib.Path(folder)) as d:
        base, idle = d.resident(), d.idle_cpu()
        token = d.identity_token()
        sessions = {kind: d.sessions(names[0], 2000) for kind, names in PROVIDERS.items()}
        loyalty, clienteling, aisle = PROVIDERS["jwt"]
        known = [d.callback(loyalty, f"again-{n}", token) for n in range(2000)]
        d.offer(iter(known), len(known))
        kinds = {
            "callback, JWT": d.logins(loyalty),
            "callbacks of three providers, each": d.logins(loyalty, clienteling, aisle),
            "callback, opaque": d.logins("notes"),
            "callback again (replay)": cycle(known),
            "introspection, JWT": cycle([d.introspection(s) for s in sessions["jwt"]]),
            "introspection, opaque": cycle([d.introspection(s) for s in sessions["opaque"]]),
            "`GET /session`, JWT": cycle([d.page(s) for s in sessions["jwt"]]),
            "`GET /session`, opaque": cycle([d.page(s) for s in sessions["opaque"]]),
        }
        rows = {name: [] for name in kinds}
        for _ in range(arguments.rounds):
            for name, requests in kinds.items():
                rows[name].append(cost(d, requests, arguments.rate, arguments.seconds, idle))
        table(f"at {arguments.rate:.0f} requests/s", "CPU of the replica, us", "CPU of Redis, us", "commands of Redis",
              "bytes to Redis", "bytes from Redis")
        for name, found in rows.items():
            service, redis, commands, read, written = medians(found)
            row(name, f"{service:.0f}", f"{redis:.1f}", f"{commands:.2f}", f"{read:.0f}", f"{written:.0f}")
        table("command of Redis", "CPU inside of it, us")
        for name, text in sorted(d.redis[0].info("commandstats").items()):
            figures = dict(pair.split("=") for pair in text.split(","))
            if int(figures["calls"]) > 1000:
                row(f"`{name.removeprefix('cmdstat_').upper()}`", figures["usec_per_call"])
        idle_replica(d, base, idle, arguments)


def idle_replica(d, base, idle, arguments):
    before, count = d.resident(), arguments.connections
    links = [Link(d.ports[0]) for _ in range(count)]
    asked = d.page(d.sessions(PROVIDERS["jwt"][0], 1)[0])
    for link in links:
        link.socket.sendall(asked)
        while link.answer() is None:
            pass
    resident, cpu = d.resident(), d.idle_cpu()
    table("idle", "")
    row("memory of a replica after its start, MB", f"{base / 1e6:.1f}")
    row("the same after these loads, MB", f"{before / 1e6:.1f}")
    row("CPU of a replica, ms in a second", f"{idle[0] * 1e3:.1f}")
    row("CPU of Redis with it, ms in a second", f"{idle[1] * 1e3:.1f}")
    row(f"memory of one of {count} idle connections, kB", f"{(resident - before) / count / 1e3:.1f}")
    row(f"CPU of {count} idle connections, ms in a second", f"{(cpu[0] - idle[0]) * 1e3:.1f}")


def rates(arguments):
    """The more requests there are, the more of them share a wake-up, a reading and a writing."""
    every = (100, 300, 1000, 2000)
    with new_folder() as folder, Deployment(arguments.program, pathlib.Path(folder)) as d:
        idle, sessions = d.idle_cpu(), d.sessions(PROVIDERS["jwt"][0], 2000)
        kinds = {"callback, JWT": d.logins(PROVIDERS["jwt"][0]),
                 "introspection, JWT": cycle([d.introspection(s) for s in sessions])}
        found = {(name, rate): [] for name in kinds for rate in every}
        for _ in range(arguments.rounds):
            for name, rate in found:
                found[name, rate].append(cost(d, kinds[name], rate, arguments.seconds, idle)[:2])
        table("requests/s", *(f"{name}: CPU of {whose}, us" for name in kinds for whose in ("the replica", "Redis")))
        for rate in every:
            row(rate, *(f"{figure:.1f}" for name in kinds for figure in medians(found[name, rate])))


# ---------------------------------------------------------------- what Redis keeps

def memory(arguments):
    table(f"{arguments.sessions} sessions", "session, bytes", "its answer, bytes", "`MEMORY USAGE` of a session", "of an answer")
    for kind, names in PROVIDERS.items():
        with new_folder() as folder, Deployment(arguments.program, pathlib.Path(folder)) as d:
            redis = d.redis[0]
            used = lambda: int(redis.info("memory")["used_memory"])
            redis.ask("FLUSHALL")
            before = used()
            d.offer(d.logins(names[0]), arguments.sessions, connections=64)
            settled(redis)
            both = used()
            answers = list(redis.keys("*:answer:*"))
            size = lambda keys: statistics.mean(redis.ask("MEMORY", "USAGE", key) for key in keys[:1000])
            usage = size(list(redis.keys("*:session:*"))), size(answers)
            for first in range(0, len(answers), 1000):
                redis.ask("UNLINK", *answers[first:first + 1000])
            settled(redis)
            alone = used()
            row(kind, *(f"{number:.0f}" for number in ((alone - before) / arguments.sessions,
                                                      (both - alone) / arguments.sessions, *usage)))


def settled(redis):
    """What grows or shrinks in the background has done so."""
    last = [0]

    def is_quiet():
        now = int(redis.info("memory")["used_memory"])
        quiet, last[0] = abs(now - last[0]) < 10_000, now
        time.sleep(0.3)
        return quiet

    login.until("redis-server", is_quiet)


# ---------------------------------------------------------------- replicas, one Redis and a cluster

def replicas(arguments):
    """All of them run at once and take turns, so that what else the machine does is spread over them."""
    with contextlib.ExitStack() as stack:
        scenes = []
        for is_cluster in (False, True):
            for number in (1, 2, 3):
                d = stack.enter_context(Deployment(arguments.program, pathlib.Path(stack.enter_context(new_folder())), number, is_cluster))
                sessions = d.sessions(PROVIDERS["jwt"][0], 2000)
                kinds = [d.logins(*PROVIDERS["jwt"]), cycle([d.introspection(s) for s in sessions])]
                scenes.append((d, d.idle_cpu(), kinds, []))
        for _ in range(arguments.rounds):
            for d, idle, kinds, found in scenes:
                found.append([figure for kind in kinds for figure in cost(d, kind, arguments.rate, arguments.seconds, idle)[:2]])
        table("masters of Redis", "replicas", "callback: CPU of replicas, us", "of Redis, us", "introspection: CPU of replicas, us",
              "of Redis, us", "idle: replicas, ms/s", "Redis, ms/s", "keys of each master, %", "logins that differ between replicas")
        for d, idle, _, found in scenes:
            sizes = [redis.ask("DBSIZE") for redis in d.redis]
            share = [100 * size / sum(sizes) for size in sizes]
            row(len(d.redis), len(d.processes), *(f"{number:.1f}" for number in medians(found)), *(f"{cpu * 1e3:.1f}" for cpu in idle),
                " ".join(f"{part:.1f}" for part in share), f"{differing(d)} of 300")
            if not all(0.9 < part * len(share) / 100 < 1.1 for part in share):
                sys.exit(f"expected the same number of keys at each master, within a tenth; found {share}")


def differing(d):
    """How many logins get another answer at the next replica, or are not good at the one after it."""
    links, token, wrong = [login.Connection(port) for port in d.ports], d.identity_token(), 0
    for number in range(300):
        at = lambda step: links[(number + step) % len(links)]
        asked = d.callback(PROVIDERS["jwt"][0], f"twice-{number}", token)
        first, again = at(0).ask(asked), at(1).ask(asked)
        session = json.loads(first[1])["external_identity"]
        status, body = at(2).ask(d.introspection(session))
        wrong += first != again or status != 200 or not json.loads(body)["active"]
    if wrong:
        sys.exit(f"{wrong} of 300 logins are not the same at every replica")
    return wrong


# ---------------------------------------------------------------- the model beside a measurement

def model(arguments):
    words = ["plan", "--stores", "40000", "--associates", "6", "--providers", "3", "--window", "1h", "--introspections", "6",
             "--pages", "4", "--peak", "2", "--json"]
    plan = json.loads(subprocess.run([arguments.planner, *words], check=True, capture_output=True, text=True).stdout)
    rates = [plan["load"][name] for name in ("callbacks_per_second", "introspections_per_second", "pages_per_second")]
    with new_folder() as folder, Deployment(arguments.program, pathlib.Path(folder)) as d:
        names = PROVIDERS["jwt"]
        sessions = d.sessions(names[0], 2000)
        logins = d.logins(*names)
        asked, pages = cycle([d.introspection(s) for s in sessions]), cycle([d.page(s) for s in sessions])

        def mixture():
            """Each kind as often as its rate says."""
            kinds, owed = (logins, asked, pages), [0.0] * 3
            while True:
                owed = [debt + rate / sum(rates) for debt, rate in zip(owed, rates)]
                most = owed.index(max(owed))
                owed[most] -= 1
                yield next(kinds[most])

        found = [cost(d, mixture(), sum(rates), arguments.seconds, (0, 0))[:2] for _ in range(arguments.rounds)]
        measured = [figure * sum(rates) / 1e6 for figure in medians(found)]
    table(f"{rates[0]:.0f} callbacks, {rates[1]:.0f} introspections and {rates[2]:.0f} `GET /session` a second", "model", "measured",
          "measured / model")
    for name, expected, seen in zip(("cores of replicas", "cores of Redis"),
                                    (plan["needs"]["replica_cores"], plan["needs"]["redis_cores"]), measured):
        row(name, f"{expected:.3f}", f"{seen:.3f}", f"{seen / expected:.2f}")


PARTS = {"costs": costs, "rates": rates, "memory": memory, "replicas": replicas, "model": model}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument("--planner", type=lambda text: pathlib.Path(text).resolve(), help="the program that plans, if it is another")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, with commas between them")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5, help="of each load in each round")
    parser.add_argument("--rate", type=float, default=1000, help="requests in a second")
    parser.add_argument("--sessions", type=int, default=100_000)
    parser.add_argument("--connections", type=int, default=5000)
    arguments = parser.parse_args()
    arguments.planner = arguments.planner or arguments.program
    parts = arguments.only.split(",")
    if unknown := set(parts) - set(PARTS):
        parser.error(f"--only: expected {', '.join(PARTS)}, found {', '.join(unknown)}")
    for name in parts:
        PARTS[name](arguments)
        print(f"\nLoad of the machine after it: {os.getloadavg()[1]:.1f}", flush=True)


if __name__ == "__main__":
    main()
