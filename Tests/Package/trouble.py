"""What goes wrong on machines, and that the journal and the commands say what to do, in the words of docs/install.md."""

import socket

from book import step
from running import CONFIGURATION, PUBLIC, RESTART


def tries(machine, book):
    file = machine.path(CONFIGURATION)
    good, mode = file.read_text(), file.stat().st_mode

    def fails(change=lambda text: text):
        """What the journal says of a start with another configuration."""
        machine.shell("systemctl stop countersign; systemctl reset-failed countersign")
        cursor = machine.run("journalctl", "--lines=0", "--show-cursor").rpartition("cursor: ")[2].strip()
        file.write_text(change(good))
        machine.run("systemctl", "start", "countersign", status=1)
        file.write_text(good)
        return machine.journal("countersign", f"--after-cursor={cursor}")

    machine.run("systemctl", "stop", "countersign")
    with socket.create_server(("127.0.0.1", PUBLIC)):
        book.knows(fails())
    low = good.replace(f"127.0.0.1:{PUBLIC}", "127.0.0.2:443")
    book.knows(fails(lambda _: low))
    opens_a_low_port(machine, file, low)
    file.write_text(good)
    machine.run("install", "--directory", "--owner=countersign", "/srv/audit")
    book.knows(fails(lambda text: text + "\naudit: { file: /srv/audit/audit.jsonl }\n"))
    book.knows(fails(lambda text: text.replace("    # password: {", "    password: {")))
    file.chmod(0o600)
    book.knows(fails())
    file.chmod(mode)
    book.knows(machine.run("sudo", "-u", "nobody", "countersign", "check-config", status=1))
    library = machine.shell("realpath /usr/lib/*/libjwt.so.0").strip()
    machine.run("mv", library, "/root/libjwt")
    book.knows(fails())
    machine.run("mv", "/root/libjwt", library)
    machine.shell("systemctl stop countersign; systemctl reset-failed countersign; systemctl start countersign")
    assert machine.property("ActiveState") == "active"
    step("each trouble says what to do, and once it is put right the service starts")


def opens_a_low_port(machine, file, configuration):
    """As docs/install.md says."""
    file.write_text(configuration)
    folder = "/run/systemd/system/countersign.service.d"
    may = "AmbientCapabilities=CAP_NET_BIND_SERVICE\\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\\nPrivateUsers=no\\n"
    machine.shell(f"mkdir {folder}; printf '[Service]\\n{may}' > {folder}/test.conf; systemctl daemon-reload; {RESTART}")
    machine.shell(f"rm -r {folder}; systemctl daemon-reload")
