"""What is around the machine: NewStore's issuer, and the proxy that ends TLS for Countersign's public URL."""

import base64
import http.server
import json
import ssl
import subprocess
import threading
import time
import urllib.request
import uuid

ISSUER_HOST, PUBLIC_HOST = "id.p.newstore.net", "identity.acme.example"
ISSUER = f"https://{ISSUER_HOST}/auth/realms/acme"


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*command, **options):
    return subprocess.run(["openssl", *command], check=True, capture_output=True, **options).stdout


class World:
    """Call it once this program has the machine's network."""

    def __init__(self, machine, folder):
        self.key = folder / "issuer.pem"
        openssl("genpkey", "-algorithm", "RSA", "-out", self.key)
        modulus = openssl("rsa", "-in", self.key, "-noout", "-modulus").strip().partition(b"=")[2]
        keys = {"keys": [{"kty": "RSA", "kid": "issuer", "alg": "RS256", "use": "sig", "e": "AQAB",
                          "n": encode(bytes.fromhex(modulus.decode()))}]}
        names = f"subjectAltName=DNS:{ISSUER_HOST},DNS:{PUBLIC_HOST}"
        certificate, key = folder / "tls.crt", folder / "tls.pem"
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test", "-addext", names, "-days", "30",
                "-keyout", key, "-out", certificate)
        machine.path("/usr/local/share/ca-certificates/test.crt").write_bytes(certificate.read_bytes())
        machine.run("update-ca-certificates")
        with open(machine.path("/etc/hosts"), "a") as hosts:
            hosts.write(f"127.0.0.1 {ISSUER_HOST} {PUBLIC_HOST}\n")

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                if self.headers["Host"] == ISSUER_HOST:
                    body = json.dumps(keys).encode()
                    status, fields = 200, {"Content-Type": "application/json", "Content-Length": len(body)}
                else:
                    try:
                        answer = urllib.request.urlopen("http://127.0.0.1:8080" + self.path, timeout=10)
                    except urllib.error.HTTPError as error:
                        answer = error
                    status, fields, body = answer.status, answer.headers, answer.read()
                self.send_response(status)
                for name, value in fields.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 443), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def identity_token(self):
        """As NewStore issues it after a login."""
        now = int(time.time())
        claims = {"iss": ISSUER, "sub": str(uuid.uuid4()), "typ": "Bearer", "azp": "newstore-associate-app", "iat": now,
                  "exp": now + 3600, "sid": str(uuid.uuid4()), "email": "ada@acme.example"}
        head = {"alg": "RS256", "typ": "JWT", "kid": "issuer"}
        text = ".".join(encode(json.dumps(part).encode()) for part in (head, claims))
        return text + "." + encode(openssl("dgst", "-sha256", "-sign", self.key, input=text.encode()))
