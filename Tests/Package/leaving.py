"""Upgrades the package, also in the middle of requests and over a bad configuration; removes it, installs it again, purges it."""

import http.client
import re
import subprocess
import threading
import time

from book import step
from machine import until
from running import CONFIGURATION, RESTART, configure, exchange, external_identity, is_active

EARLIER = "0.9.0"
KEYS = "/var/lib/countersign/signing"


class Logins:
    """Logins one after another, each over a connection of its own, until they are told to stop."""

    def __init__(self, world):
        self.world, self.served, self.wrong, self.gap = world, 0, [], 0.0
        self.ends = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        latest = time.monotonic()
        while not self.ends.is_set():
            try:
                status, answer = exchange(self.world, f"till-{time.monotonic_ns()}")
            except (ConnectionError, http.client.RemoteDisconnected):
                continue    # Nobody listens, or not any more: a load balancer asks another machine.
            except Exception as error:
                self.wrong.append(repr(error))
                continue
            if status != 200 or not answer.get("external_identity"):
                self.wrong.append(f"{status} {answer}")
            now = time.monotonic()
            self.served, self.gap, latest = self.served + 1, max(self.gap, now - latest), now

    def end(self):
        self.ends.set()
        self.thread.join(30)


def tries(machine, world, package):
    earlier = build_earlier(machine, package)
    upgrades(machine, world, earlier, package)
    upgrades_over_a_bad_configuration(machine, world, earlier, package)
    leaves(machine, world, package)


def build_earlier(machine, package):
    """The same package with a lower version."""
    folder, earlier = machine.path("/root/earlier"), f"countersign_{EARLIER}.deb"
    subprocess.run(["dpkg-deb", "--raw-extract", package, folder], check=True)
    control = folder / "DEBIAN/control"
    control.write_text(re.sub(r"^Version: .*", f"Version: {EARLIER}", control.read_text(), flags=re.M))
    subprocess.run(["dpkg-deb", "-Zgzip", "-z1", "--build", folder, machine.path(f"/root/{earlier}")], check=True, capture_output=True)
    return earlier


def install(machine, file):
    return machine.shell(f"systemctl reset-failed; apt-get install --allow-downgrades ./{file}")


def upgrades(machine, world, earlier, package):
    install(machine, earlier)
    assert machine.property("ActiveState") == "active"
    identity, process = external_identity(world), machine.property("MainPID")
    logins = Logins(world)
    until("some logins", lambda: logins.served > 10)
    install(machine, package.name)
    served = logins.served
    until("some more logins", lambda: logins.served > served + 10)
    logins.end()
    assert machine.property("MainPID") != process, "the old process still runs after the upgrade"
    assert not logins.wrong, f"logins in the middle of the upgrade: {logins.wrong[:3]}"
    assert is_active(identity), "the session was lost by the upgrade"
    step(f"upgraded in the middle of {logins.served} logins, none of which was answered wrongly; for {logins.gap:.1f} s nobody "
         "listened; a session of before is active")


def upgrades_over_a_bad_configuration(machine, world, earlier, package):
    install(machine, earlier)
    identity, process = external_identity(world), machine.property("MainPID")
    good = configure(machine, "\nno_such_key: 1\n")
    told = install(machine, package.name)
    assert "no_such_key" in told and "goes on as it is" in told, told
    assert machine.property("MainPID") == process and is_active(identity), "the old process does not go on"
    assert external_identity(world)
    machine.path(CONFIGURATION).write_text(good)
    machine.shell(RESTART)
    assert is_active(identity)
    for line in told.splitlines():
        if "countersign" in line and ("no_such_key" in line or line.startswith("countersign:")):
            step("says: " + line)
    step("an upgrade over a bad configuration says so, and the old process serves on")


def processes(machine):
    return machine.shell("grep --files-with-matches --text ^/usr/bin/countersign /proc/[0-9]*/cmdline || true")


def leaves(machine, world, package):
    identity = external_identity(world)
    before = machine.run("bash", "-c", f"cd {KEYS}; sha256sum *.pem manifest.json {CONFIGURATION}")
    machine.run("apt-get", "remove", "countersign")
    assert machine.property("MainPID") == "0" and not processes(machine), "the service outlives its package"
    install(machine, package.name)
    until("the service", lambda: machine.property("ActiveState") == "active")
    assert is_active(identity), "the session was lost by removing and installing"
    step("removed and installed again: runs, and the session is active")
    machine.run("apt-get", "remove", "countersign")
    told = machine.run("apt-get", "purge", "countersign")
    after = machine.run("bash", "-c", f"cd {KEYS}; sha256sum *.pem manifest.json {CONFIGURATION}")
    assert after == before, "purge changed private keys or the configuration"
    assert KEYS.rpartition("/")[0] in told and "is kept" in told, told
    gone = ["/var/log/countersign", "/etc/logrotate.d/countersign", "/lib/systemd/system/countersign.service",
            "/etc/systemd/system/multi-user.target.wants/countersign.service", "/usr/share/countersign"]
    left = [path for path in gone if machine.path(path).exists() or machine.path(path).is_symlink()]
    assert not left, f"purge left {left}"
    machine.shell(f"rm -r {KEYS} /var/lib/countersign /etc/countersign", status=None)
    install(machine, package.name)
    machine.run("apt-get", "purge", "countersign")
    left = machine.shell("ls -d /etc/countersign /var/lib/countersign /var/log/countersign 2>/dev/null; getent passwd countersign", status=None)
    assert left == "", f"purge left what the package made: {left}"
    step("purged: configuration and private keys are kept, and it says so; without any, nothing is left")
