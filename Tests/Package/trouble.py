"""What goes wrong on machines, and that the journal and the commands say what to do, in the words of docs/install.md."""

import re
import socket

from book import step
from running import CONFIGURATION, PUBLIC, configure
from machine import until


def tries(machine, book):
    file = machine.path(CONFIGURATION)
    good = file.read_text()

    def fails(change):
        """What the journal says of a start with another configuration."""
        file.write_text(change(good))
        machine.shell("systemctl stop countersign; systemctl reset-failed countersign; journalctl --rotate; "
                      "journalctl --vacuum-time=1s --quiet")
        told = machine.run("systemctl", "start", "countersign", status=1) + machine.journal()
        file.write_text(good)
        return told

    machine.run("systemctl", "stop", "countersign")
    with socket.create_server(("127.0.0.1", PUBLIC)):
        book.knows(fails(lambda text: text))
    book.knows(fails(lambda text: text.replace(f'127.0.0.1:{PUBLIC}"', '127.0.0.1:443"').replace("127.0.0.1:443", "127.0.0.2:443")))
    book.knows(fails(lambda text: text + "\naudit: { file: /srv/audit.jsonl }\n"))
    book.knows(fails(lambda text: text.replace("password", "password").replace(
        "    # password: { env: REDIS_PASSWORD }", "    password: { env: REDIS_PASSWORD }")))
    machine.run("chmod", "600", CONFIGURATION)
    book.knows(fails(lambda text: text))
    machine.run("chmod", "640", CONFIGURATION)
    book.knows(machine.run("sudo", "-u", "nobody", "countersign", "check-config", status=1))
    library = machine.run("realpath", "/usr/lib/x86_64-linux-gnu/libjwt.so.0").strip()
    machine.run("mv", library, "/root/libjwt")
    book.knows(fails(lambda text: text))
    machine.run("mv", "/root/libjwt", library)
    machine.shell("systemctl reset-failed countersign; systemctl start countersign")
    assert machine.property("ActiveState") == "active"
    step("each trouble says what to do, and once it is put right the service starts")
