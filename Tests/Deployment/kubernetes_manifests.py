"""deploy/kubernetes, as kustomize renders it."""
import functools
import re
import shutil
import subprocess
from urllib.parse import urlsplit

import kubernetes_validate
import yaml

from facts import CONFIGURATION, FREE, Configuration, every, operations_paths, seconds

# Reads the same definitions for every object.
kubernetes_validate.utils.schema_contents = functools.cache(kubernetes_validate.utils.schema_contents)

OVERLAYS = ["base", "overlays/sentinel", "overlays/cluster"]
OLDEST = "1.31"


class KubernetesLoader(yaml.SafeLoader):
    """Reads `=` as text, as YAML 1.2 does."""


KubernetesLoader.add_constructor("tag:yaml.org,2002:value", lambda loader, node: node.value)


def rendered(folder):
    build = ["kubectl", "kustomize"] if shutil.which("kubectl") else ["kustomize", "build"]
    done = subprocess.run([*build, folder], capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise ValueError(done.stderr)
    return list(yaml.load_all(done.stdout, KubernetesLoader))


def matches(selector, labels):
    return bool(selector) and selector.items() <= labels.items()


class Manifests:
    def __init__(self, folder):
        self.all = rendered(folder)
        self.deployment = self.one("Deployment")
        self.jobs = self.of("CronJob")
        self.server = self.deployment["spec"]["template"]
        self.pods = [self.server, *(job["spec"]["jobTemplate"]["spec"]["template"] for job in self.jobs)]
        self.container = self.server["spec"]["containers"][0]
        self.map = self.one("ConfigMap")
        self.configuration = Configuration(self.map["data"]["countersign.yaml"])

    def of(self, kind):
        return [each for each in self.all if each["kind"] == kind]

    def one(self, kind):
        found = self.of(kind)
        if len(found) != 1:
            raise ValueError(f"expected one {kind}, found {len(found)}")
        return found[0]


def kubernetes(folder, program, image):
    base = Configuration((folder / "base/countersign.yaml").read_text())
    for overlay in OVERLAYS:
        try:
            manifests = Manifests(folder / overlay)
        except ValueError as problem:
            yield f"{overlay}: {problem}"
            continue
        for problem in problems(manifests, program, image, base):
            yield f"{overlay}: {problem}"
    yield from every((rule, document), folder, program)


def problems(manifests, program, image, base):
    checks = (configuration, containers, standards, probes, times, mounts, keys, selectors, network, monitoring, ingress, schema)
    yield from every(checks, manifests, program, image)
    mine, its = dict(manifests.configuration.values), dict(base.values)
    mine.pop("sessions"), its.pop("sessions")
    if mine != its:
        yield "configuration: more than `sessions` differs from the base's"


def schema(manifests, *_):
    for each in manifests.all:
        for version in (OLDEST, kubernetes_validate.latest_version()):
            try:
                kubernetes_validate.validate(each, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                yield f"{each['kind']}, Kubernetes {version}: {'.'.join(map(str, error.path))}: {error.message}"
            except kubernetes_validate.SchemaNotFoundError:
                if each["kind"] != "ServiceMonitor":
                    yield f"no schema of {each['kind']} in Kubernetes {version}"


def configuration(manifests, program, _):
    if refusal := program.refusal(manifests.configuration.text):
        yield refusal
    if not manifests.configuration.values["listen"].get("trusted_proxies"):
        yield "trusted_proxies is empty behind an ingress controller"


def containers(manifests, program, image):
    for pod in manifests.pods:
        for container in pod["spec"]["containers"]:
            if container["image"] != f"countersign:{program.version}":
                yield f"expected image countersign:{program.version}, found {container['image']}"
            if container.get("command") or not program.understands(container["args"]):
                yield f"the program does not understand {container.get('command', '')} {container['args']}"
            if container["resources"]["limits"].get("cpu") or "memory" not in container["resources"]["limits"]:
                yield "expected a limit of memory and none of CPU"
            provided = {each["name"] for each in container.get("env", [])}
            if "serve" in container["args"] and manifests.configuration.environment - provided:
                yield f"not in the environment: {manifests.configuration.environment - provided}"
    ports = {each["name"]: each["containerPort"] for each in manifests.container["ports"]}
    if ports != manifests.configuration.ports:
        yield f"expected the ports {manifests.configuration.ports}, found {ports}"


def standards(manifests, _, image):
    """The Pod Security Standard `restricted`, and what the image needs."""
    enforced = manifests.one("Namespace")["metadata"]["labels"].get("pod-security.kubernetes.io/enforce")
    if enforced != "restricted":
        yield f"the namespace enforces {enforced}"
    for pod in manifests.pods:
        spec, security = pod["spec"], pod["spec"]["securityContext"]
        user = f"{security['runAsUser']}:{security['runAsGroup']}"
        if user != image.user or security["fsGroup"] != security["runAsGroup"]:
            yield f"expected the image's user {image.user}, found {user}, fsGroup {security['fsGroup']}"
        if security.get("runAsNonRoot") is not True or security.get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield "not restricted: runAsNonRoot or seccompProfile"
        if any(spec.get(key) for key in ("hostNetwork", "hostPID", "hostIPC")) or spec["automountServiceAccountToken"]:
            yield "not restricted: something of the host, or a token of the service account"
        if {kind for volume in spec["volumes"] for kind in volume} - {"name", "configMap", "secret", "persistentVolumeClaim"}:
            yield "not restricted: a volume of another kind"
        for container in spec["containers"]:
            expected = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
            if container["securityContext"] != expected:
                yield f"not restricted: {container['securityContext']}"


def probes(manifests, *_):
    for name in ("startupProbe", "livenessProbe", "readinessProbe"):
        get = manifests.container[name]["httpGet"]
        if get["port"] != "operations" or get["path"] not in FREE & operations_paths():
            yield f"{name}: {get['path']} needs a secret, or is not at {get['port']}"
        if (get["path"] == "/readyz") != (name == "readinessProbe"):
            yield f"{name} asks {get['path']}"


def times(manifests, *_):
    leaving, spec = manifests.configuration.leaving, manifests.server["spec"]
    if spec["terminationGracePeriodSeconds"] < leaving:
        yield f"terminationGracePeriodSeconds: expected {leaving:g} or more, found {spec['terminationGracePeriodSeconds']}"
    probe = manifests.container["readinessProbe"]
    noticed = probe["periodSeconds"] * probe["failureThreshold"] + 1
    if manifests.configuration.notice < noticed:
        yield f"shutdown.notice: expected {noticed} s or more, for the readiness probe"
    if manifests.container.get("lifecycle"):
        yield "a hook besides the notice"


def mounts(manifests, *_):
    for pod in manifests.pods:
        volumes = {each["name"]: each for each in pod["spec"]["volumes"]}
        for container in pod["spec"]["containers"]:
            folders = {each["mountPath"]: each for each in container["volumeMounts"]}
            if any("subPath" in each for each in folders.values()):
                yield "a subPath, which is not replaced when its secret is"
            source = volumes[folders[CONFIGURATION.rpartition("/")[0]]["name"]]
            if source.get("configMap", {}).get("name") != manifests.map["metadata"]["name"]:
                yield f"the configuration is not at {CONFIGURATION}"
            needed = manifests.configuration.paths
            if container["args"][0] == "keys":
                needed = {manifests.configuration.values["signing"]["directory"]}
            for path in sorted(needed):
                if not any(path == folder or path.startswith(f"{folder}/") for folder in folders):
                    yield f"{container['args']}: nothing is mounted for {path}"
    secrets = next(each["secret"] for each in manifests.server["spec"]["volumes"] if "secret" in each)
    if secrets["defaultMode"] & 0o007:
        yield "other users can read the secrets, which the program refuses"


def keys(manifests, *_):
    """All replicas read the directory of keys, only jobs write to it, and one at a time."""
    directory, claim = manifests.configuration.values["signing"]["directory"], manifests.one("PersistentVolumeClaim")
    if claim["spec"]["accessModes"] != ["ReadWriteMany"]:
        yield "replicas on several nodes cannot mount the keys"
    for pod in manifests.pods:
        mount = next(each for each in pod["spec"]["containers"][0]["volumeMounts"] if each["mountPath"] == directory)
        volume = next(each for each in pod["spec"]["volumes"] if each["name"] == mount["name"])["persistentVolumeClaim"]
        if volume["claimName"] != claim["metadata"]["name"]:
            yield f"{volume['claimName']} is another volume"
        reads = mount.get("readOnly", False), volume.get("readOnly", False)
        if reads != ((True, True) if pod is manifests.server else (False, False)):
            yield f"{pod['spec']['containers'][0]['args']}: readOnly is {reads}"
    if [(job["spec"]["concurrencyPolicy"], job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["args"])
            for job in manifests.jobs] != [("Forbid", ["keys", "advance"])]:
        yield "expected one job that takes the steps of the rotation, one at a time"


def selectors(manifests, *_):
    """Whatever selects the service's pods selects them and not the jobs'."""
    labels = [pod["metadata"]["labels"] for pod in manifests.pods]
    found = [("Deployment", manifests.deployment["spec"]["selector"]["matchLabels"]),
             ("PodDisruptionBudget", manifests.one("PodDisruptionBudget")["spec"]["selector"]["matchLabels"]),
             *((f"Service {each['metadata']['name']}", each["spec"]["selector"]) for each in manifests.of("Service")),
             *(("topologySpreadConstraints", each["labelSelector"]["matchLabels"])
               for each in manifests.server["spec"]["topologySpreadConstraints"])]
    for name, selector in found:
        if [matches(selector, each) for each in labels] != [True] + [False] * len(manifests.jobs):
            yield f"{name} selects other pods than those of the service: {selector}"
    covered = [policy["spec"]["podSelector"]["matchLabels"] for policy in manifests.of("NetworkPolicy")]
    for each in labels:
        if sum(matches(selector, each) for selector in covered) != 1:
            yield f"NetworkPolicy: expected one for the pods {each}"
    if manifests.deployment["spec"]["replicas"] < 3 or manifests.one("PodDisruptionBudget")["spec"]["maxUnavailable"] != 1:
        yield "expected three replicas, of which one may be missing"


def network(manifests, *_):
    policy = next(each["spec"] for each in manifests.of("NetworkPolicy")
                  if matches(each["spec"]["podSelector"]["matchLabels"], manifests.server["metadata"]["labels"]))
    opened = [port["port"] for rule in policy["ingress"] for port in rule["ports"]]
    if sorted(opened) != ["operations", "public"] or not all(rule.get("from") for rule in policy["ingress"]):
        yield f"expected each port to be open for somebody, found {opened}"
    called = {port["port"] for rule in policy["egress"] for port in rule["ports"]}
    if called != manifests.configuration.called_ports | {53}:
        yield f"expected the way out to {sorted(manifests.configuration.called_ports | {53})}, found {sorted(called)}"
    names = next(rule for rule in policy["egress"] if rule["ports"][0]["port"] == 53)
    if names["to"][0]["podSelector"]["matchLabels"] != {"k8s-app": "kube-dns"} or len(names["ports"]) != 2:
        yield "name servers cannot be reached over UDP and TCP"


def monitoring(manifests, *_):
    monitor, spec = manifests.one("ServiceMonitor"), manifests.one("ServiceMonitor")["spec"]
    services = [each for each in manifests.of("Service")
                if matches(spec["selector"]["matchLabels"], each["metadata"].get("labels", {}))]
    endpoint = spec["endpoints"][0]
    for service in manifests.of("Service"):
        for port in service["spec"]["ports"]:
            if port["targetPort"] not in manifests.configuration.ports or port["name"] != port["targetPort"]:
                yield f"no port {port['targetPort']} of the container"
    if len(services) != 1 or endpoint["port"] not in [each["name"] for each in services[0]["spec"]["ports"]]:
        yield "the monitor finds no service, or not its port"
    elif services[0]["metadata"]["labels"].get(spec.get("jobLabel")) != "countersign":
        yield "the job is not called `countersign`, as the rules have it"
    if endpoint["path"] != "/metrics" or endpoint["path"] not in operations_paths():
        yield f"the program has no {endpoint['path']}"
    secret, key = manifests.configuration.operations["bearer"]["file"].rsplit("/", 1)
    mount = next(each for each in manifests.container["volumeMounts"] if each["mountPath"] == secret)
    volume = next(each for each in manifests.server["spec"]["volumes"] if each["name"] == mount["name"])
    expected = {"name": volume["secret"]["secretName"], "key": key}
    if endpoint["authorization"]["credentials"] != expected or monitor["metadata"]["namespace"] != "countersign":
        yield f"expected the secret {expected}"


def ingress(manifests, *_):
    found, host = manifests.one("Ingress"), urlsplit(manifests.configuration.values["public_url"]).hostname
    hosts = {rule["host"] for rule in found["spec"]["rules"]} | {each for tls in found["spec"]["tls"] for each in tls["hosts"]}
    if hosts != {host}:
        yield f"expected the host of public_url, {host}, found {hosts}"
    backend = found["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    if not any(each["metadata"]["name"] == backend["name"] and backend["port"]["name"] == each["spec"]["ports"][0]["name"] == "public"
               for each in manifests.of("Service")):
        yield f"no service {backend}"
    timeout = int(found["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-read-timeout"])
    if timeout <= manifests.configuration.longest_deadline:
        yield "it gives up before the longest deadline"


def document(folder, program):
    """What docs/containers.md has the reader type."""
    text, base = (folder.parents[1] / "docs/containers.md").read_text(), Manifests(folder / "base")
    typed = set(re.findall(r"--from-file=(\S+)", text))
    expected = {path.rpartition("/")[2] for path in base.configuration.paths if path.startswith("/run/secrets/")}
    if typed != expected:
        yield f"expected the secrets {sorted(expected)}, found {sorted(typed)}"
    was, now = re.search(r"""sed 's/"(\w+)"/"(\w+)"/'""", text).groups()
    arguments = base.jobs[0]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["args"]
    first = [now if each == was else each for each in arguments]
    if first == arguments or not program.understands(first):
        yield f"the first key: the program does not understand {first}"


def rule(folder, _):
    """The rules as Prometheus' operator takes them are the rules."""
    done = subprocess.run([folder / "prometheus-rule"], capture_output=True, text=True)
    rules = (folder.parent / "prometheus/countersign.rules.yaml").read_text()
    printed = yaml.safe_load(done.stdout)
    if printed["kind"] != "PrometheusRule" or printed["spec"] != yaml.safe_load(rules):
        yield "prints other rules than those of deploy/prometheus"
    if not re.search(r'job="countersign"', rules):
        yield "the rules do not ask for the job `countersign`"
