"""Servers that a test in Python starts, and what it waits for."""
import contextlib
import os
import socket
import subprocess
import sys
import time


def fail(what):
    """Ends the test, under the name of its folder."""
    sys.exit(f"{os.path.basename(os.path.dirname(os.path.abspath(sys.argv[0])))}: FAILED: {what}")


def until(what, condition, seconds=60):
    """What `condition` answers, once that is true; an answer that is none yet is asked for again."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError, ValueError, KeyError):
            if found := condition():
                return found
        time.sleep(0.05)
    return fail(f"{what}: not within {seconds} seconds")


@contextlib.contextmanager
def process(folder, *command):
    """Runs meanwhile, with its output in `folder`; killed at the end."""
    with open(os.path.join(folder, os.path.basename(command[0]) + ".log"), "ab") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield running
    finally:
        running.kill()
        running.wait()


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
