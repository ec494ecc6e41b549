"""The real service, in a folder of its own, and a client that does all right."""
import json
import os
import signal
import socket
import subprocess
import tempfile
import time

# Of a connection, as the configuration has it.
IDLE = 0.5
CONFIGURATION = """
public_url: http://127.0.0.1:8080
listen: { public: "127.0.0.1:0", operations: "127.0.0.1:0", idle_timeout: 500ms }
log: { level: info, format: json }
limits: { requests_per_second: 0, request_timeout: 500ms, connections: 64, connections_per_source: 12 }
shutdown: { notice: 0s, grace: 5s }
signing: { directory: signing }
sessions: { store: memory }
tenants:
  - { name: acme, issuer: "https://id.p.newstore.net/auth/realms/acme", keys: { public_key_files: [acme.public.pem] } }
identity_providers:
  - { name: vip-loyalty, tenants: [acme], mode: strict, token: { kind: jwt, claims: { email: { from: email } } } }
"""


class Late(Exception):
    """The connection was closed as an idle one: this machine was too busy to send in time."""


class Service:
    def __init__(self, program):
        self.folder = tempfile.TemporaryDirectory(prefix="countersign-fuzz-")
        path, run = self.folder.name, lambda *command: subprocess.run(command, check=True, capture_output=True, text=True).stdout
        file, key = f"{path}/countersign.yaml", f"{path}/acme.private.pem"
        with open(file, "w") as configuration:
            configuration.write(CONFIGURATION)
        run("openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key)
        run("openssl", "pkey", "-in", key, "-pubout", "-out", f"{path}/acme.public.pem")
        os.chmod(key, 0o600)
        run(program, "keys", "generate", "--config", file)
        self.token = run(program, "token", "mint-dev", "--lifetime", "1h", "--config", file).strip().encode()
        self.log = open(f"{path}/log", "w")
        self.process = subprocess.Popen([program, "serve", "--config", file], stdout=self.log, stderr=self.log)
        self.ports = {}
        until(lambda: len(self.listening()) == 2, 30, "it listens")

    def listening(self):
        for line in self.lines():
            if '"listening"' in line:
                event = json.loads(line)
                self.ports[event["listener"]] = event["port"]
        return self.ports

    def lines(self):
        with open(f"{self.folder.name}/log", errors="replace") as log:
            return log.readlines()

    @property
    def is_running(self):
        return self.process.poll() is None

    def open_files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def peak_memory(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM:"))

    def connections(self):
        """Of the public listener."""
        metrics = self.ask("operations", b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")[1].decode()
        counts = [line.split()[-1] for line in metrics.splitlines() if line.startswith('countersign_connections{listener="public"')]
        return sum(int(float(count)) for count in counts)

    def ask(self, listener, request):
        """Status and body."""
        begin = time.monotonic()
        with socket.create_connection(("127.0.0.1", self.ports[listener]), timeout=10) as connection:
            connection.sendall(request)
            is_late = time.monotonic() - begin > IDLE
            stream = connection.makefile("rb")
            try:
                status = int(stream.readline().split()[1])
            except (ConnectionResetError, IndexError) as error:
                raise Late() if is_late else error
            length = 0
            while (line := stream.readline()) not in (b"\r\n", b""):
                name, value = line.split(b":", 1)
                length = int(value) if name.lower() == b"content-length" else length
            return status, stream.read(length)

    def login(self):
        body = b'{"deviceId":"till-1","identity":"%s"}' % self.token
        head = b"POST /post_login_callback/vip-loyalty HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        return self.ask("public", head + b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def stop(self):
        """The exit status; None if it does not end in its time."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return None


def until(condition, seconds, text):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds} s: {text}")
        time.sleep(0.05)
