#!/usr/bin/env python3
"""demo.py COUNTERSIGN [--calm 120] [--outage 420] [--after 420] [--svg FILE]

Two replicas behind one Redis, a Prometheus with deploy/prometheus/countersign.rules.yaml, and some logins each second. After
--calm seconds Redis is killed, after --outage more it is back. Prints every change of an alert, and in the end how many
logins went how. Everything is in a temporary folder and on free ports of this machine, and ends with the script.
"""
import argparse, collections, json, os, pathlib, re, shutil, signal, socket, subprocess, sys, tempfile, threading, time
import urllib.error, urllib.parse, urllib.request

import panels

DEPLOY = pathlib.Path(__file__).resolve().parents[2] / "deploy"
RULES = DEPLOY / "prometheus/countersign.rules.yaml"
# Titles on the dashboard.
DRAWN = ["Logins by outcome", "Share of lost logins", "Login, from head to answer", "Connections to Redis", "Deferred sessions",
         "Age of the list of revocations"]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Scene:
    """All processes, and the folder with their files."""

    def __init__(self, countersign):
        self.countersign = countersign
        self.folder = tempfile.mkdtemp(prefix="countersign-monitoring-")
        self.redis_port, self.prometheus_port = free_port(), free_port()
        self.replicas = [(free_port(), free_port()) for _ in range(2)]
        self.processes = []
        self.begin = time.monotonic()

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text, mode=0o600):
        with open(self.path(name), "w") as file:
            file.write(text)
        os.chmod(self.path(name), mode)

    def start(self, *words, log):
        process = subprocess.Popen(words, stdout=open(self.path(log), "a"), stderr=subprocess.STDOUT, cwd=self.folder)
        self.processes.append(process)
        return process

    def run(self, *words):
        return subprocess.run(words, cwd=self.folder, check=True, capture_output=True, text=True).stdout

    def say(self, text):
        seconds = int(time.monotonic() - self.begin)
        print(f"{seconds // 60:02}:{seconds % 60:02}  {text}", flush=True)

    # What runs

    def prepare(self):
        for name in ("acme", "probe"):
            key = self.path(f"{name}.private.pem")
            self.run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
            os.chmod(key, 0o600)
            self.run("openssl", "pkey", "-in", key, "-pubout", "-out", self.path(f"{name}.public.pem"))
        self.write("prober.secret", "a secret of the prober")
        for number, (public, operations) in enumerate(self.replicas):
            self.write(f"{number}.yaml", f"""
public_url: http://127.0.0.1:{self.replicas[0][0]}
listen: {{ public: "127.0.0.1:{public}", operations: "127.0.0.1:{operations}" }}
log: {{ level: warning, format: json }}
signing: {{ directory: signing }}
sessions: {{ store: redis, redis: {{ url: "redis://127.0.0.1:{self.redis_port}/0" }} }}
tenants:
  - {{ name: acme, issuer: "https://id.example/acme", keys: {{ public_key_files: [acme.public.pem] }}, algorithms: [ES256] }}
  - {{ name: probe, issuer: "https://probe.example", keys: {{ public_key_files: [probe.public.pem] }}, algorithms: [ES256] }}
identity_providers:
  - {{ name: loyalty, tenants: [acme], mode: strict }}
  - {{ name: notes, tenants: [acme], mode: optional }}
  - {{ name: probe, tenants: [probe], token: {{ lifetime: 5m }} }}
verifiers:
  - {{ id: prober, secret: {{ file: prober.secret }}, identity_providers: [probe], may_revoke: true }}
probe:
  {{ tenant: probe, identity_provider: probe, verifier: prober, private_key: probe.private.pem, interval: 20s,
    url: "http://127.0.0.1:{public}" }}
""")
        self.run(self.countersign, "keys", "generate", "--config", "0.yaml")
        targets = ", ".join(f'"127.0.0.1:{operations}"' for _, operations in self.replicas)
        shutil.copy(RULES, self.path("countersign.rules.yaml"))
        self.write("prometheus.yaml", f"""
global: {{ scrape_interval: 5s, evaluation_interval: 5s }}
rule_files: [countersign.rules.yaml]
scrape_configs: [{{ job_name: countersign, static_configs: [{{ targets: [{targets}] }}] }}]
""")

    def start_redis(self):
        return self.start("redis-server", "--port", str(self.redis_port), "--bind", "127.0.0.1", "--save", "", log="redis.log")

    def start_all(self):
        redis = self.start_redis()
        for number in range(2):
            self.start(self.countersign, "serve", "--config", f"{number}.yaml", log=f"{number}.log")
        self.start(
            "prometheus", "--config.file=prometheus.yaml", f"--web.listen-address=127.0.0.1:{self.prometheus_port}",
            "--storage.tsdb.path=data", log="prometheus.log")
        return redis

    def end(self):
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(self.folder)

    # What is seen

    def ask(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.prometheus_port}{path}", timeout=5) as answer:
            return json.load(answer)["data"]

    def names(self):
        """Replicas by what Prometheus calls them."""
        return {f"127.0.0.1:{operations}": f"replica {number + 1}" for number, (_, operations) in enumerate(self.replicas)}

    def alerts(self):
        names, found = self.names(), {}
        for alert in self.ask("/api/v1/alerts")["alerts"]:
            labels = dict(alert["labels"])
            name, severity = labels.pop("alertname"), labels.pop("severity")
            labels = " ".join(names.get(value, value) for key, value in sorted(labels.items()) if key != "job")
            found[f"{name} ({severity}) {labels}".rstrip()] = alert["state"]
        return found

    def draw(self, file, marks):
        """The dashboard's own queries, from the beginning until now."""
        names, end = self.names(), time.time()
        start = end - (time.monotonic() - self.begin)
        dashboard = {panel["title"]: panel for panel in json.loads((DEPLOY / "grafana/countersign.json").read_text())["panels"]}
        drawn = []
        for title in DRAWN:
            lines = []
            for target in dashboard[title]["targets"]:
                query = re.sub(r"\$\w+", ".*", target["expr"].replace("$__rate_interval", "30s"))
                words = urllib.parse.urlencode({"query": query, "start": start, "end": end, "step": 5})
                for series in self.ask(f"/api/v1/query_range?{words}")["result"]:
                    legend = re.sub(r"{{(\w+)}}", lambda m: series["metric"].get(m[1], ""), target["legendFormat"])
                    for instance, name in names.items():
                        legend = legend.replace(instance, name)
                    points = [(float(moment) - start, float(value)) for moment, value in series["values"]]
                    lines.append((legend, [point for point in points if point[1] == point[1]]))
            drawn.append((title, dashboard[title]["fieldConfig"]["defaults"]["unit"], sorted(lines)))
        pathlib.Path(file).write_text(panels.svg(drawn, end - start, marks))

    def watch(self, seconds, known):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                now = self.alerts()
            except OSError:
                now = known
            for alert in sorted(set(now) | set(known)):
                was, is_now = known.get(alert, "-"), now.get(alert, "-")
                if was != is_now and "firing" in (was, is_now):
                    self.say(f"{'FIRING  ' if is_now == 'firing' else 'resolved'}  {alert}")
            known = now
            time.sleep(2)
        return known


def log_in(scene, counts, is_over):
    """About ten logins a second, spread over replicas and providers, each on a device of its own."""
    number, token, minted = 0, "", 0.0
    while not is_over.is_set():
        if time.monotonic() - minted > 240:
            token = scene.run(scene.countersign, "token", "mint-dev", "--config", "0.yaml", "--tenant", "acme", "--lifetime", "10m").strip()
            minted = time.monotonic()
        number += 1
        port, provider = scene.replicas[number % 2][0], ("loyalty", "notes")[number // 2 % 2]
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/post_login_callback/{provider}", headers={"Content-Type": "application/json"},
            data=json.dumps({"deviceId": f"till-{number}", "identity": token}).encode())
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                outcome = f"200 {answer.headers.get('Countersign-Degraded', '')}".strip()
        except urllib.error.HTTPError as error:
            outcome = f"{error.code} {json.load(error).get('error_code')}"
        except OSError:
            outcome = "no answer"
        counts[(provider, outcome)] += 1
        is_over.wait(0.1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("countersign")
    for name, seconds in (("calm", 120), ("outage", 420), ("after", 420)):
        parser.add_argument(f"--{name}", type=int, default=seconds)
    parser.add_argument("--svg")
    options = parser.parse_args()
    scene = Scene(os.path.abspath(options.countersign))
    is_over, counts = threading.Event(), collections.Counter()
    try:
        scene.prepare()
        redis = scene.start_all()
        time.sleep(3)
        threads = [threading.Thread(target=log_in, args=(scene, counts, is_over)) for _ in range(2)]
        for thread in threads:
            thread.start()
        scene.say("two replicas, a Redis and a Prometheus run; about 20 logins come each second")
        known = scene.watch(options.calm, {})
        marks = [time.monotonic() - scene.begin]
        scene.say("Redis is killed")
        redis.kill()
        known = scene.watch(options.outage, known)
        marks.append(time.monotonic() - scene.begin)
        scene.say("Redis is back, empty")
        scene.start_redis()
        known = scene.watch(options.after, known)
        scene.say("the end; still firing: " + (", ".join(sorted(a for a, s in known.items() if s == "firing")) or "nothing"))
        if options.svg:
            scene.draw(options.svg, marks)
        is_over.set()
        for thread in threads:
            thread.join()
        for (provider, outcome), count in sorted(counts.items()):
            print(f"{count:7}  {provider}: {outcome}")
    finally:
        is_over.set()
        scene.end()


if __name__ == "__main__":
    sys.exit(main())
