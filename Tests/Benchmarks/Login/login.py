#!/usr/bin/env python3
"""What one login costs the service, and what the requests around it cost: CPU, allocations, task switches of the kernel.

  make bench-login                          figures
  make bench-allocations                    allocations only, compared with allocations.json; exit status 1 if there are more

Starts a real redis-server and the release build, asks one request after another over one connection, and reads from
outside: CPU time from /proc, allocations from a counter that is preloaded into the service. What an idle service
allocates in the same time is left out, so allocations per request are the same on any machine; CPU is for ratios within
one run.
"""
import argparse, atexit, base64, json, mmap, os, pathlib, secrets, signal, socket, struct, subprocess, sys, tempfile, time

HERE = pathlib.Path(__file__).resolve().parent
ISSUER = "https://id.p.newstore.net/auth/realms/acme-staging"
TICK = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(argv, **options):
    process = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, start_new_session=True, **options)
    atexit.register(lambda: process.poll() is None and os.killpg(process.pid, signal.SIGKILL))
    return process


def until(what, condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"{what}: not within {seconds} s")
        time.sleep(0.02)


class Connection:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def ask(self, request):
        self.socket.sendall(request)
        while b"\r\n\r\n" not in self.rest:
            self.more()
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        length = next((int(l.split(b":")[1]) for l in lines if l.lower().startswith(b"content-length:")), 0)
        while len(self.rest) < length:
            self.more()
        body, self.rest = self.rest[:length], self.rest[length:]
        return int(lines[0].split()[1]), body

    def more(self):
        data = self.socket.recv(65536)
        if not data:
            sys.exit("the service closed the connection")
        self.rest += data


def request(method, path, body=b"", **headers):
    # What an HTTP client of today sends beside what it must.
    fields = {"Host": "identity.acme.example", "User-Agent": "bench/1.0", "Accept": "*/*"} | headers
    if body:
        fields |= {"Content-Length": len(body)}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body


class Service:
    def __init__(self, program, folder, counter=None, wrapper=(), preload=None):
        """`counter` counts allocations; `wrapper` is what runs the program, and `preload` a library that it needs there."""
        self.folder = folder
        self.port, self.operations, redis = free_port(), free_port(), free_port()
        self.redis = start(["redis-server", "--port", redis, "--bind", "127.0.0.1", "--save", "", "--dir", folder],
                           stdout=subprocess.DEVNULL)
        until("redis-server", lambda: self.listens(redis))
        subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "issuer.pem"],
                       cwd=folder, check=True, capture_output=True)
        subprocess.run(["openssl", "pkey", "-in", "issuer.pem", "-pubout", "-out", "issuer.public.pem"], cwd=folder, check=True)
        self.verifier = secrets.token_hex(32)
        (folder / "secret").write_text(self.verifier)
        (folder / "secret").chmod(0o600)
        config = folder / "countersign.yaml"
        config.write_text(f"""\
public_url: http://127.0.0.1:{self.port}
listen: {{ public: "127.0.0.1:{self.port}", operations: "127.0.0.1:{self.operations}" }}
log: {{ level: info, format: json }}
limits: {{ requests_per_second: 0 }}
signing: {{ directory: signing }}
sessions: {{ store: redis, redis: {{ url: "redis://127.0.0.1:{redis}/0" }} }}
tenants:
  - name: acme-staging
    issuer: {ISSUER}
    keys: {{ public_key_files: [issuer.public.pem] }}
identity_providers:
  - name: vip-loyalty
    tenants: [acme-staging]
    mode: strict
    token: {{ kind: jwt, lifetime: 3h, audience: "https://loyalty.acme.example", claims: {{ email: {{ from: email }} }} }}
    webview: {{ origins: ["https://loyalty.acme.example"] }}
verifiers:
  - {{ id: loyalty-backend, secret: {{ file: secret }}, identity_providers: [vip-loyalty] }}
""")
        self.prepare(config)
        run = lambda *words: subprocess.run([program, *words, "--config", config], cwd=folder, check=True, capture_output=True)
        run("keys", "generate")
        environment = dict(os.environ) | ({"LD_PRELOAD": str(preload)} if preload else {})
        if counter:
            counts = folder / "allocations"
            counts.write_bytes(bytes(16))
            environment |= {"LD_PRELOAD": str(counter), "ALLOCATION_COUNTS": str(counts)}
            with open(counts, "r+b") as file:
                self.counts = mmap.mmap(file.fileno(), 16)
        self.counter, self.idle = counter, (0, 0)
        self.log = open(folder / "log", "wb")
        self.process = start([*wrapper, program, "serve", "--config", config], cwd=folder, env=environment, stdout=self.log, stderr=self.log)
        until("the service", lambda: self.listens(self.port))
        if counter:
            time.sleep(1)                         # what begins, begins
            before = self.figures()
            time.sleep(2)
            self.idle = tuple((b - a) / 2 for a, b in zip(before[1:3], self.figures()[1:3]))

    def prepare(self, config):
        """Changes the configuration before the service starts."""

    def listens(self, port):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False

    def identity_token(self):
        """As NewStore issues it, signed by the issuer whose public key the service has."""
        encode = lambda data: base64.urlsafe_b64encode(data).rstrip(b"=")
        now = int(time.time())
        claims = {
            "exp": now + 3600, "iat": now, "auth_time": now, "jti": "0b1ce9b4-3e6f-4c0b-9a53-94a9ba2f1c3a", "iss": ISSUER,
            "aud": "account", "sub": "f3b5c1de-0d6c-4a2b-8c26-6e2f8ddc9e11", "typ": "Bearer", "azp": "newstore-associate-app",
            "session_state": "5b0ec2f9-2a90-4a1f-8a55-0d0b0f3c0d11", "acr": "1", "scope": "openid profile email",
            "sid": "5b0ec2f9-2a90-4a1f-8a55-0d0b0f3c0d11", "email_verified": True, "name": "Ada Lovelace",
            "realm_access": {"roles": ["store_associate", "offline_access", "uma_authorization"]},
            "resource_access": {"account": {"roles": ["manage-account", "view-profile"]}},
            "preferred_username": "ada", "given_name": "Ada", "family_name": "Lovelace", "email": "ada@acme.example",
            "http://newstore/newstore_id": "9c5b94b1-35ad-49bb-b118-8e8fc24abf80"}
        text = encode(b'{"alg":"RS256","typ":"JWT"}') + b"." + encode(json.dumps(claims).encode())
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.folder / "issuer.pem"], input=text, check=True,
                                   capture_output=True).stdout
        return (text + b"." + encode(signature)).decode()

    def figures(self):
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        switches = 0
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            with open(f"/proc/{self.process.pid}/task/{task}/status") as file:
                switches += sum(int(line.split()[1]) for line in file if "ctxt_switches" in line)
        calls, size = struct.unpack("QQ", self.counts[:16]) if self.counter else (0, 0)
        return (int(fields[11]) + int(fields[12])) / TICK, calls, size, switches


def measure(service, name, requests, seconds):
    """What one of `requests` costs. They are asked in turn for about this many seconds."""
    connection = Connection(service.port)

    def asked(count):
        for _ in range(count):
            status, body = connection.ask(next(requests))
            if status != 200:
                sys.exit(f"{name}: {status} {body[:300]!r}")

    begin = time.monotonic()
    asked(300)                                    # warm-up, and how many go into the time
    count = max(300, int(300 / (time.monotonic() - begin) * seconds))
    before, begin = service.figures(), time.monotonic()
    asked(count)
    after, elapsed = service.figures(), time.monotonic() - begin
    cpu, calls, size, switches = ((b - a) / count for a, b in zip(before, after))
    calls, size = (figure - idle * elapsed / count for figure, idle in zip((calls, size), service.idle))
    return {"requests": count, "cpu_us": cpu * 1e6, "allocations": calls, "bytes": size, "switches": switches,
            "wall_us": elapsed / count * 1e6}


def bare_copy(program, folder):
    """The program without debug information, which tools read a hundred times faster; its names stay."""
    copy = folder / "countersign"
    subprocess.run(["strip", "--strip-debug", "-o", copy, program], check=True)
    return copy


def demangled(command):
    """What a command prints, with Swift's names as people write them."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return subprocess.run(["swift", "demangle", "--simplified"], stdin=process.stdout, capture_output=True, text=True,
                          errors="replace").stdout


def print_table(title, unit, counts, most=40):
    """The greatest of `counts`."""
    print(f"\n| {title} | {unit} |\n|---|---|")
    for name, count in counts.most_common(most):
        print(f"| {name[:110]} | {count:.{1 if unit == '%' else 0}f} |")


def cases(service):
    """Endless requests by name."""
    token, session = service.identity_token(), None
    basic = "Basic " + base64.b64encode(f"loyalty-backend:{service.verifier}".encode()).decode()

    def login(device):
        body = json.dumps({"deviceId": device, "identity": token}, separators=(",", ":")).encode()
        return request("POST", "/post_login_callback/vip-loyalty", body, Content_Type="application/json")

    def logins():
        number = 0
        while True:
            number += 1
            yield login(f"till-{number:08}-{os.getpid():08}")

    def same(text):
        while True:
            yield text

    status, body = Connection(service.port).ask(login("the one that is asked about"))
    if status != 200:
        sys.exit(f"login: {status} {body!r}\n{(service.folder / 'log').read_text()[-2000:]}")
    session = json.loads(body)["external_identity"]
    form = f"token={session}".encode()
    return {
        "login": logins(),
        "replay": same(login("the one that is asked about")),
        "introspection": same(request("POST", "/introspect", form, Content_Type="application/x-www-form-urlencoded",
                                      Authorization=basic)),
        "session": same(request("GET", "/session", Authorization="Bearer " + session, Origin="https://loyalty.acme.example")),
        "key_set": same(request("GET", "/.well-known/jwks.json")),
    }


def compare(measured, limits):
    """Whether no request allocates over 5 % more than is on record."""
    good = True
    for name, limit in limits.items():
        found = measured[name]["allocations"]
        if found > limit * 1.05:
            print(f"{name}: {found:.1f} allocations, expected at most {limit} and 5 %. Find what allocates "
                  f"(docs/performance.md says how), or raise the figure in {HERE.name}/allocations.json and say why.")
            good = False
        elif found < limit * 0.95:
            print(f"{name}: {found:.1f} allocations, {limit} on record: lower the figure in {HERE.name}/allocations.json.")
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("counter", type=pathlib.Path, help="the preloaded counter of allocations")
    parser.add_argument("--seconds", type=float, default=3, help="of each kind of request")
    parser.add_argument("--check", action="store_true", help="compare allocations with allocations.json, measure no CPU")
    arguments = parser.parse_args()
    rows = {}
    for counter in [arguments.counter.resolve()] if arguments.check else [arguments.counter.resolve(), None]:
        with tempfile.TemporaryDirectory() as folder:
            service = Service(arguments.program.resolve(), pathlib.Path(folder), counter)
            for name, requests in cases(service).items():
                found = measure(service, name, requests, 0.5 if counter else arguments.seconds)
                row = rows.setdefault(name, found)
                if not counter:                   # CPU is measured without the counter
                    row |= {key: found[key] for key in ("requests", "cpu_us", "switches", "wall_us")}
            os.killpg(service.process.pid, signal.SIGTERM)
            os.killpg(service.redis.pid, signal.SIGTERM)
            service.process.wait(30)
    print("| request | allocations | bytes allocated | CPU, us | kernel switches | round trip, us |\n|---|---|---|---|---|---|")
    for name, row in rows.items():
        print(f"| {name} | {row['allocations']:.1f} | {row['bytes']:.0f} | {row['cpu_us']:.1f} | {row['switches']:.2f} | {row['wall_us']:.0f} |")
    if arguments.check and not compare(rows, json.loads((HERE / "allocations.json").read_text())):
        sys.exit(1)


if __name__ == "__main__":
    main()
