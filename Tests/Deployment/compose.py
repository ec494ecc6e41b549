"""deploy/compose.yaml, with nginx, Countersign's configuration and Keycloak's realm."""
import importlib.resources
import json
import re
from urllib.parse import urlsplit

import jsonschema
import yaml

from facts import CONFIGURATION, Configuration, every, seconds


class Setting:
    """The files that belong together."""

    def __init__(self, folder):
        self.folder = folder
        self.services = yaml.safe_load((folder / "compose.yaml").read_text())["services"]
        self.configuration = Configuration((folder / "compose/countersign.yaml").read_text())
        self.nginx = (folder / "compose/nginx.conf").read_text()
        self.realm = json.loads((folder / "compose/acme-staging-realm.json").read_text())
        self.tenant = self.configuration.values["tenants"][0]

    def published(self, service):
        return [tuple(port.split(":")) for port in self.services[service].get("ports", [])]


def compose(folder, program, image):
    return every((schema, service, front, store, issuer, realm), Setting(folder), program, image)


def schema(setting, *_):
    resource = importlib.resources.files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json"
    specification = json.loads(resource.read_text())
    validator = jsonschema.validators.validator_for(specification)(specification)
    for error in validator.iter_errors(yaml.safe_load((setting.folder / "compose.yaml").read_text())):
        yield f"{'.'.join(map(str, error.path))}: {error.message}"
    for name, each in setting.services.items():
        for volume in each.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith(".") and not (setting.folder / source).is_file():
                yield f"{name}: there is no file {source}"


def service(setting, program, image):
    own, configuration = setting.services["countersign"], setting.configuration
    if refusal := program.refusal(configuration.text):
        yield refusal
    if own["image"] != f"countersign:{program.version}" or own["build"] != {"context": "..", "dockerfile": "Containerfile"}:
        yield f"expected countersign:{program.version} of the Containerfile, found {own['image']}, {own['build']}"
    if own.get("user") or own.get("command") or own.get("entrypoint"):
        yield "expected user and command to be the image's"
    if not own["read_only"] or own["cap_drop"] != ["ALL"] or own["security_opt"] != ["no-new-privileges:true"]:
        yield "it has more rights than it needs"
    mounted = [volume.split(":")[1] for volume in own["volumes"]]
    for path in [CONFIGURATION, *configuration.paths]:
        if not any(path == each or path.startswith(f"{each}/") for each in mounted):
            yield f"nothing is mounted for {path}"
    if "/var/lib/countersign" not in mounted:
        yield "the volume of keys is not where the image has a folder of its user"
    if configuration.environment - own["environment"].keys():
        yield f"not in the environment: {configuration.environment - own['environment'].keys()}"
    if seconds(own["stop_grace_period"]) < configuration.leaving:
        yield f"stop_grace_period: expected {configuration.leaving:g} s or more"
    if own["healthcheck"]["test"] != ["CMD", *image.health]:
        yield f"expected the image's health check, found {own['healthcheck']}"
    for name, each in setting.services.items():
        for needed, how in each.get("depends_on", {}).items():
            if how["condition"] == "service_healthy" and "healthcheck" not in setting.services[needed]:
                yield f"{name} waits for the health of {needed}, which nobody looks at"


def front(setting, *_):
    configuration = setting.configuration
    host, port = re.search(r"server (\S+):(\d+);", setting.nginx).groups()
    if int(port) != configuration.ports["public"] or host not in names(setting, "countersign"):
        yield f"nginx asks {host}:{port}"
    listening = re.search(r"listen (\d+);", setting.nginx)[1]
    public = urlsplit(configuration.values["public_url"])
    if setting.published("nginx") != [(public.hostname, str(public.port), listening)]:
        yield f"public_url is {configuration.values['public_url']}, nginx {setting.published('nginx')}, listening on {listening}"
    address = setting.services["nginx"]["networks"]["default"]["ipv4_address"]
    if configuration.values["listen"]["trusted_proxies"] != [address]:
        yield f"expected nginx's {address} to be the one trusted proxy"
    if "X-Forwarded-For $remote_addr;" not in setting.nginx:
        yield "nginx does not say who the client is"
    if float(re.search(r"proxy_read_timeout (\d+)s;", setting.nginx)[1]) <= configuration.longest_deadline:
        yield "nginx gives up before the longest deadline"


def names(setting, service):
    """What a service is called on the network: one in the network of another is there by that one's names."""
    mode = setting.services[service].get("network_mode")
    if not mode:
        return {service}
    other = setting.services[mode.removeprefix("service:")]
    return set(other["networks"]["default"]["aliases"])


def store(setting, *_):
    url, redis = setting.configuration.redis, setting.services["redis"]
    if url.hostname != "redis" or (url.port or 6379) != 6379:
        yield f"Redis is not at {url.netloc}"
    password = redis["command"][redis["command"].index("--requirepass") + 1]
    if {password, redis["environment"]["REDISCLI_AUTH"]} != {setting.services["countersign"]["environment"]["REDIS_PASSWORD"]}:
        yield "Redis has another password than Countersign"
    if "noeviction" not in redis["command"]:
        yield "Redis may forget sessions"


def issuer(setting, *_):
    """One URL for the browser and for Countersign, and tokens of that realm, client and audience alone."""
    keycloak = setting.services["keycloak"]
    said, url = keycloak["environment"], urlsplit(keycloak["environment"]["KC_HOSTNAME"])
    issuer = f"{said['KC_HOSTNAME']}/realms/{setting.realm['realm']}"
    if setting.tenant["issuer"] != issuer or setting.tenant["keys"]["jwks_url"] != f"{issuer}/protocol/openid-connect/certs":
        yield f"expected the issuer {issuer}, found {setting.tenant}"
    if said["KC_HTTP_PORT"] != str(url.port) or said["KC_HTTP_RELATIVE_PATH"] != url.path:
        yield f"Keycloak listens elsewhere than at {said['KC_HOSTNAME']}"
    if setting.published("keycloak") != [(url.hostname, str(url.port), str(url.port))]:
        yield f"{said['KC_HOSTNAME']} does not lead to Keycloak"
    if setting.services["countersign"].get("network_mode") != "service:keycloak":
        yield "Keycloak is not on Countersign's loopback, and http is trusted nowhere else"
    if "--import-realm" not in keycloak["command"] or not any(":/opt/keycloak/data/import/" in each for each in keycloak["volumes"]):
        yield "Keycloak does not import the realm"


def realm(setting, *_):
    client = setting.realm["clients"][0]
    claims = {each["config"].get("claim.name"): each["config"] for each in client["protocolMappers"]}
    kinds = {each["protocolMapper"]: each["config"] for each in client["protocolMappers"]}
    if setting.tenant["authorized_parties"] != [client["clientId"]]:
        yield f"expected the party {client['clientId']}"
    if setting.tenant["audiences"] != [kinds["oidc-audience-mapper"]["included.custom.audience"]]:
        yield f"expected the audience {kinds['oidc-audience-mapper']}"
    if not client["publicClient"] or not client["directAccessGrantsEnabled"] or setting.realm["sslRequired"] != "none":
        yield "nobody gets a token by `curl`"
    if setting.realm["defaultSignatureAlgorithm"] not in setting.tenant.get("algorithms", ["RS256"]):
        yield "the realm signs by another algorithm"
    provider = setting.configuration.values["identity_providers"][0]
    used = [*provider["token"]["claims"].values(), *({"from": each["claim"]} for each in provider["conditions"])]
    for name in (each["from"] if isinstance(each["from"], str) else ".".join(each["from"]) for each in used):
        if name not in claims:
            yield f"no mapper makes {name}"
    managed = json.loads(setting.realm["components"]["org.keycloak.userprofile.UserProfileProvider"][0]
                         ["config"]["kc.user.profile.config"][0])["attributes"]
    for each in claims.values():
        if each.get("user.attribute", "username") not in {attribute["name"] for attribute in managed}:
            yield f"users have no {each['user.attribute']}"
    roles = {role["name"] for role in setting.realm["roles"]["realm"]}
    if not all(set(user["realmRoles"]) <= roles for user in setting.realm["users"]) or "oidc-sub-mapper" not in kinds:
        yield "a role that there is not, or no subject"
