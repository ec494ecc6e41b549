"""Installs the package, starts the service, and uses all that came with it."""

import http.client
import json
import re

from book import step
from machine import until

CONFIGURATION = "/etc/countersign/countersign.yaml"
PUBLIC = 8080
# More often in a minute than systemd lets it, as one test after another does.
RESTART = "systemctl reset-failed countersign; systemctl restart countersign"
# What the program takes from Debian; all else is in it.
PACKAGES = {"libc6", "libgcc-s1", "libstdc++6", "zlib1g", "libssl3", "libjwt0", "libjansson4", "libb64-0d", "libhiredis0.14"}


def ask(method, path, body=None, **fields):
    connection = http.client.HTTPConnection("127.0.0.1", PUBLIC, timeout=20)
    try:
        connection.request(method, path, body, fields)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def exchange(world, device="till-1"):
    """What a login answers: status and document."""
    body = json.dumps({"deviceId": device, "identity": world.identity_token()})
    return ask("POST", "/post_login_callback/vip-loyalty", body, **{"Content-Type": "application/json"})


def external_identity(world):
    status, answer = exchange(world)
    assert status == 200, answer
    return answer["external_identity"]


def is_active(identity):
    status, answer = ask("GET", "/session", Authorization=f"Bearer {identity}")
    return status == 200 and answer["active"]


def configure(machine, text):
    """Adds to the configuration; returns what it was."""
    file = machine.path(CONFIGURATION)
    before = file.read_text()
    file.write_text(before + text)
    return before


def tries(machine, world, book):
    installs(machine, book)
    machine.run("systemctl", "start", "redis-server")
    starts(machine, world, book)
    is_confined(machine)
    reloads(machine)
    rotates_keys(machine)
    rotates_audit_files(machine, world)
    is_started_again_if_it_hangs(machine)
    shows_manuals_and_completes(machine)


def installs(machine, book):
    told = machine.shell("\n".join(book.commands("1. Package")))
    assert "countersign init" in told, f"the installation does not say what comes next:\n{told}"
    book.knows(machine.run("systemctl", "start", "countersign", status=1) + machine.journal())
    libraries = machine.run("ldd", "/usr/bin/countersign")
    assert "not found" not in libraries, libraries
    paths = re.findall(r"=> (/\S+)", libraries)
    owners = {machine.run("dpkg-query", "--search", machine.run("realpath", path).strip().replace("/usr/lib", "*/lib", 1))
              .split(":")[0] for path in paths}
    assert owners == PACKAGES, f"expected libraries of {PACKAGES}, found {owners}"
    step("installed; libraries of " + ", ".join(sorted(owners)))
    units = ["countersign.service", "countersign-keys.service"]
    assert machine.run("systemd-analyze", "verify", *units, "countersign-keys.timer") == ""
    for unit in units:
        # The threshold is ten times the exposure.
        told = machine.run("systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", f"/lib/systemd/system/{unit}")
        step(told.strip().splitlines()[-1].removeprefix("→ "))
    machine.run("test", "-r", "/usr/share/countersign/countersign.schema.json")


def starts(machine, world, book):
    for block in book.commands("2. Configuration and first key"):
        machine.shell(block)
    start, check = book.commands("3. Start")
    machine.shell(start)
    until("readiness", lambda: "exit" not in machine.shell(check.rstrip() + " || echo exit"))
    step("docs/install.md followed word by word: " + machine.shell(check).strip())
    step("doctor says: " + machine.run("sudo", "-u", "countersign", "countersign", "doctor", status=None).strip().splitlines()[-1])
    assert machine.property("Type") == "notify" and machine.property("ActiveState") == "active"
    assert machine.run("stat", "--format=%U %a", "/var/lib/countersign/signing").split() == ["countersign", "700"]
    identity = external_identity(world)
    assert is_active(identity)
    told = machine.run("curl", "-sS", "-H", f"Authorization: Bearer {identity}", f"http://127.0.0.1:{PUBLIC}/session")
    assert json.loads(told)["identity_provider"] == "vip-loyalty", told
    step("a login is exchanged, and its session answers")


def is_confined(machine):
    status = machine.run("cat", f"/proc/{machine.property('MainPID')}/status")
    for line in ("CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"):
        assert line in status, f"expected {line!r} of the service's process, found:\n{status}"
    inside = ["nsenter", "--target", machine.property("MainPID"), "--mount", "--setuid=0", "--setgid=0", "--"]
    for folder in ("/usr", "/etc", "/var"):
        assert "Read-only file system" in machine.run(*inside, "touch", f"{folder}/a", status=1)
    step("runs without capabilities, in a read-only file system")


def reloads(machine):
    before = configure(machine, "\nlimits: { burst: 200 }\n")
    machine.run("systemctl", "reload", "countersign")
    until("a reload", lambda: "configuration and keys reloaded" in machine.journal())
    configure(machine, "no_such_key: 1\n")
    machine.run("systemctl", "reload", "countersign", status=1)
    assert machine.property("ActiveState") == "active" and "no_such_key" in machine.journal()
    machine.path(CONFIGURATION).write_text(before)
    step("reloads; a reload of a bad configuration fails, and the service goes on")


def rotates_keys(machine):
    def advance():
        machine.shell("systemctl start countersign-keys; systemctl reset-failed countersign-keys")
        return machine.journal("countersign-keys").strip()

    machine.run("systemctl", "is-active", "countersign-keys.timer")
    assert "Nothing is due" in advance()
    file, folder = machine.path(CONFIGURATION), "/var/lib/countersign/quick"
    before = file.read_text()
    # Other keys, as sets of those may be cached for ten minutes.
    quick = f"signing: {{ directory: {folder}, jwks_max_age: 1s, rotation: {{ every: 1s, refresh_lag: 200ms, clock_skew: 0s }} }}"
    file.write_text(re.sub(r"^signing:\n  directory: .*", quick, before, flags=re.M))
    machine.shell("sudo -u countersign countersign keys generate; " + RESTART)
    first = key_ids()
    until("a successor is published", lambda: advance() and len(key_ids()) == 2)
    (successor,) = key_ids() - first
    until("the successor signs", lambda: advance() and successor in signing_key_ids(machine))
    assert "countersign" == machine.run("stat", "--format=%U", f"{folder}/ES256-{successor}.pem").strip()
    file.write_text(before)
    machine.shell(f"rm -r {folder}; " + RESTART)
    step("the timer's unit rotates the key, and the service publishes the new one")


def signing_key_ids(machine):
    return re.findall(r"^(\S+) +ES256 +active ", machine.run("countersign", "keys", "list"), re.M)


def key_ids():
    return {key["kid"] for key in ask("GET", "/.well-known/jwks.json")[1]["keys"]}


def rotates_audit_files(machine, world):
    file = "/var/log/countersign/audit.jsonl"
    before = configure(machine, f"\naudit: {{ file: {file}, required: true }}\n")
    machine.shell(RESTART)
    for _ in range(3):
        external_identity(world)
        machine.run("logrotate", "--force", "/etc/logrotate.d/countersign")
        external_identity(world)
        # As if a day had passed.
        day = machine.shell("cd /var/log/countersign; for f in audit.jsonl-????????; do mv $f $f-$(date +%s%N); done; ls")
    until("the new file", lambda: machine.path(file).exists())
    external_identity(world)
    told = machine.shell(f"countersign audit verify {file}-* {file}")
    assert told.strip().splitlines()[-1].startswith("Good: "), told
    lines = sum(text.count('"event":"login"') for text in (path.read_text() for path in machine.path("/var/log/countersign").glob("audit.jsonl*")))
    assert lines == 7, f"expected the lines of seven logins, found {lines} in {day}"
    machine.path(CONFIGURATION).write_text(before)
    machine.shell(RESTART)
    step("logrotate moves audit files, and nothing is lost: " + told.strip().splitlines()[-1])


def is_started_again_if_it_hangs(machine):
    folder = "/run/systemd/system/countersign.service.d"
    again = "systemctl daemon-reload; " + RESTART
    machine.shell(f"mkdir -p {folder}; printf '[Service]\\nWatchdogSec=2\\n' > {folder}/test.conf; {again}")
    process = machine.property("MainPID")
    machine.shell(f"kill -STOP {process}")
    until("another process", lambda: machine.property("MainPID") not in (process, "0"))
    until("its start", lambda: machine.property("ActiveState") == "active")
    assert "Watchdog timeout" in machine.journal()
    machine.shell(f"rm -r {folder}; {again}")
    step("a process that hangs is started again")


def shows_manuals_and_completes(machine):
    for page in ("countersign", "countersign-keys-advance"):
        text = machine.run("man", "--warnings", "--locale=C", page)
        assert "NAME" in text and page in text and "warning" not in text, text
    assert "countersign-serve" in machine.shell("mandb --quiet; apropos countersign")
    script = """. /usr/share/bash-completion/bash_completion
_completion_loader countersign || true    # 124: try again
function=$(complete -p countersign | sed 's/.*-F \\([^ ]*\\).*/\\1/')
COMP_WORDS=(countersign keys adv); COMP_CWORD=2; COMP_LINE='countersign keys adv'; COMP_POINT=${#COMP_LINE}
$function countersign adv keys; echo "${COMPREPLY[@]}"
"""
    machine.run("bash", "-n", "/usr/share/bash-completion/completions/countersign.bash")
    assert machine.shell(script).strip() == "advance"
    step("man pages read well; bash completes `countersign keys adv`")
