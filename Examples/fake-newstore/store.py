"""Countersign's Redis, if this program was asked to run it: a button takes it away and brings it back."""
import queue
import shlex
import subprocess


class Store:
    """Started by the main thread alone: what it starts ends with the thread that started it."""

    def __init__(self, command):
        self._command, self._process, self._pressed, self._done = shlex.split(command or ""), None, queue.Queue(), queue.Queue()

    def run(self):
        """Until Ctrl-C: starts it, and does what the button asks for."""
        try:
            self._start()
            while True:
                self._pressed.get()
                self._stop() if self._process else self._start()
                self._done.put(None)
        finally:
            self._stop()

    def switch(self):
        """Takes it away, or brings it back."""
        self._pressed.put(None)
        self._done.get()

    def _start(self):
        if self._command:
            # It does not outlive this program, however that ends; Ctrl-C reaches this program alone.
            self._process = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *self._command],
                                             start_new_session=True, stdout=subprocess.DEVNULL)

    def _stop(self):
        if self._process:
            self._process.terminate()
            self._process.wait()
            self._process = None

    @property
    def state(self):
        """None if there is none to take away."""
        return ("here" if self._process else "gone") if self._command else None
