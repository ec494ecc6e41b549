"""A clean Debian under its own systemd, in namespaces of its own: its network is a loopback interface that nobody shares."""

import ctypes
import os
import signal
import subprocess
import time
from pathlib import Path

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root",
    "DEBIAN_FRONTEND": "noninteractive", "SUDO_EDITOR": "true"}
# Beside Debian's smallest system: what a server has.
PACKAGES = ["systemd-sysv", "dbus", "sudo", "curl", "logrotate", "man-db", "bash-completion", "ca-certificates"]
CLONE_NEWNET = 0x40000000


def until(what, condition, seconds=120):
    """Waits until the condition is true, and returns its value."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.1)
    return value


def pristine(folder, package):
    """Debian 12 as debootstrap makes it, once; with the packages that this one needs, not installed."""
    if not folder.is_dir():
        print("making a clean Debian 12, once: two minutes", flush=True)
        part = folder.with_name("unfinished")
        subprocess.run(["rm", "-rf", part], check=True)
        subprocess.run(["debootstrap", "--variant=minbase", "--include=" + ",".join(PACKAGES), "bookworm", part],
                       check=True, stdout=subprocess.DEVNULL)
        # As if somebody answered with yes.
        (part / "etc/apt/apt.conf.d/90yes").write_text('APT::Get::Assume-Yes "true";\n')
        (part / "etc/hostname").write_text("replica\n")
        (part / "etc/hosts").write_text("127.0.0.1 localhost\n127.0.1.1 replica\n")
        subprocess.run(["chroot", part, "apt-get", "update", "-qq"], check=True, env=ENVIRONMENT)
        part.rename(folder)
    subprocess.run(["cp", package, folder / "root"], check=True)
    subprocess.run(["chroot", folder, "apt-get", "install", "--download-only", "-qq", f"/root/{package.name}"],
                   check=True, env=ENVIRONMENT, stdout=subprocess.DEVNULL)


class Machine:
    def __init__(self, folder):
        self.folder, self.leader = folder, None
        self.console = open(folder / "console", "wb")
        # Where systemd does not run, nobody can make a unit for it.
        unit = [] if Path("/run/systemd/system").is_dir() else ["--keep-unit"]
        self.process = subprocess.Popen(
            ["systemd-nspawn", "--quiet", "--boot", "--private-network", "--register=no", *unit, "--console=pipe",
             "--link-journal=no", "--resolv-conf=off", "--directory", folder],
            stdin=subprocess.DEVNULL, stdout=self.console, stderr=self.console, start_new_session=True)
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        try:
            self.leader = until("systemd-nspawn", lambda: children.read_text().split())[0]
            until("systemd", 
                  lambda: self.run("systemctl", "is-system-running", status=None).strip() in ("running", "degraded"), 300)
        except BaseException:
            self.kill()
            raise
        # From here on this program has the machine's network, too.
        with open(f"/proc/{self.leader}/ns/net") as network:
            assert ctypes.CDLL(None).setns(network.fileno(), CLONE_NEWNET) == 0

    def command(self, *command):
        return ["nsenter", "--target", self.leader, "--all", "--", "env", "-i", *(f"{k}={v}" for k, v in ENVIRONMENT.items()),
                *command]

    def run(self, *command, status=0, **options):
        """What a command prints; it must end with this status, or with any if that is None."""
        done = subprocess.run(self.command(*command), capture_output=True, text=True, timeout=300, **options)
        text = done.stdout + done.stderr
        assert status is None or done.returncode == status, \
            f"{' '.join(command)}: expected status {status}, found {done.returncode}\n{text}"
        return text

    def shell(self, script, status=0):
        return self.run("bash", "-ec", "cd /root\n" + script, status=status)

    def property(self, name, unit="countersign.service"):
        return self.run("systemctl", "show", "--value", "--property", name, unit).strip()

    def journal(self, unit="countersign", *options):
        return self.run("journalctl", "--no-pager", "--output=cat", "--unit", unit, *options)

    def path(self, name):
        return self.folder / name.lstrip("/")

    def stop(self):
        """Halts it, and ends what is left of it."""
        os.kill(int(self.leader), signal.SIGRTMIN + 3)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
        self.console.close()

    def kill(self):
        """Its systemd too, which would outlive systemd-nspawn, and share control groups with the next one."""
        if self.leader:
            os.kill(int(self.leader), signal.SIGKILL)
        self.process.kill()
