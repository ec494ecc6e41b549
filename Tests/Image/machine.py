"""What an engine does with an image, without one: namespaces of its own, the root file system read-only, the image's user."""
import os
import re
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

# The network of deploy/compose.yaml: outside are nginx and Redis, inside are Keycloak and Countersign.
OUTSIDE, INSIDE, REDIS = "172.30.7.2", "172.30.7.3", "172.30.7.4"


def run(*command, status=0, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120, **options)
    text = done.stdout + done.stderr
    assert status is None or done.returncode == status, f"{command}: expected status {status}, found {done.returncode}\n{text}"
    return text


def eventually(what, found, within=30):
    end = time.monotonic() + within
    while time.monotonic() < end:
        if value := found():
            return value
        time.sleep(0.05)
    raise AssertionError(f"expected within {within} s: {what}")


def inside(*command):
    return ["ip", "netns", "exec", "inside", *command]


def make_networks():
    """Called in network and mount namespaces of our own, which end with this process."""
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    run("ip", "netns", "add", "inside")
    run("ip", "link", "add", "outer", "type", "veth", "peer", "name", "inner", "netns", "inside")
    for address in (OUTSIDE, REDIS):
        run("ip", "address", "add", f"{address}/24", "dev", "outer")
    run("ip", "link", "set", "outer", "up")
    run("ip", "link", "set", "lo", "up")
    run(*inside("ip", "address", "add", f"{INSIDE}/24", "dev", "inner"))
    run(*inside("ip", "link", "set", "inner", "up"))
    run(*inside("ip", "link", "set", "lo", "up"))


def serve_names(names):
    """A name server at the outside address, as an engine has one."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((OUTSIDE, 53))

    def answer(query):
        end = query.index(0, 12) + 5
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += query[at] + 1
        address, is_ipv4 = names.get(".".join(labels)), query[at + 1:at + 3] == b"\0\1"
        records = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton(address) if address and is_ipv4 else b""
        flags = 0x8180 if address else 0x8183
        return query[:2] + struct.pack(">5H", flags, 1, 1 if records else 0, 0, 0) + query[12:end] + records

    def serve():
        while True:
            query, client = server.recvfrom(512)
            server.sendto(answer(query), client)

    threading.Thread(target=serve, daemon=True).start()


def kubelet_volume(folder, files, mode, group):
    """A mounted secret or ConfigMap: names lead through `..data` to files in a folder that the next version replaces."""
    version = folder / "..2026_11_26"
    version.mkdir(parents=True)
    (folder / "..data").symlink_to(version.name)
    for name, text in files.items():
        (version / name).write_text(text)
        (version / name).chmod(mode)
        os.chown(version / name, 0, group)
        (folder / name).symlink_to(f"..data/{name}")
    return folder


class Container:
    """An image's root with what an engine adds: /proc, /dev, names, and mounted volumes."""

    def __init__(self, root, user, volumes):
        self.root, self.user = root, user
        for name in ("proc", "dev"):
            (root / name).mkdir()
        (root / "etc/hosts").write_text("127.0.0.1 localhost\n")
        (root / "etc/resolv.conf").write_text(f"nameserver {OUTSIDE}\n")
        targets = [(root / target.lstrip("/"), source) for target, source in volumes.items()]
        for target, source in targets:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.mkdir(exist_ok=True) if source.is_dir() else target.touch()
        run("mount", "--bind", root, root)
        run("mount", "--bind", "/dev", root / "dev")
        run("mount", "-t", "proc", "proc", root / "proc")
        for target, source in targets:
            run("mount", "--bind", source, target)
        run("mount", "-o", "remount,bind,ro", root)

    def command(self, *words):
        return inside("setpriv", "--no-new-privs", "chroot", f"--userspec={self.user}", "--groups=", self.root, *words)

    def run(self, *words, status=0, **environment):
        return run(*self.command(*words), status=status, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **environment})

    def start(self, *words, log, **environment):
        """As the first process of a namespace of processes, for which signals without a handler do nothing, with its own /proc:
        libdispatch looks there for its threads, and ends the program if they are not there."""
        shell = ["unshare", "--pid", "--fork", "--kill-child", f"--mount-proc={self.root}/proc", "--"]
        return subprocess.Popen(
            [*shell, *map(str, self.command(*words))], stderr=open(log, "w"),
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **environment})


def first_process(parent):
    """The only child of `unshare`, once it is the program itself."""
    def found():
        assert parent.poll() is None, f"the program ended with status {parent.returncode}"
        children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
        return children and os.readlink(f"/proc/{children[0]}/exe").endswith("/countersign") and int(children[0])
    return eventually("the program runs", found)


def peak_memory(process):
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())[1]) // 1024
