"""Runs a program in a pseudo-terminal for test/helpers/dialogue.ts: dialogue.py PROGRAM ARGS...

Each line of standard input is a JSON document: {"type": TEXT}, {"size": [ROWS, COLUMNS]},
{"signal": NAME} or {"close": true}. Copies what is written on the terminal to standard output and
ends with the program's exit code, 128 and more for a signal.
"""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import termios

pid, terminal = pty.fork()
if pid == 0:
    # The size is there before the program looks at it.
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 120, 0, 0))
    os.execvp(sys.argv[1], sys.argv[1:])


def obey(line):
    """Does what a line says; false when the terminal was closed."""
    order = json.loads(line)
    if "type" in order:
        os.write(terminal, order["type"].encode())
    if "size" in order:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *order["size"], 0, 0))
    if "signal" in order:
        os.kill(pid, signal.Signals[order["signal"]])
    if "close" in order:
        os.close(terminal)
        return False
    return True


pending = b""
sources = [terminal, 0]
while terminal in sources:
    for source in select.select(sources, [], [])[0]:
        try:
            chunk = os.read(source, 65536)
        except OSError:
            chunk = b""
        if not chunk:
            sources.remove(source)
        elif source == terminal:
            os.write(1, chunk)
        else:
            *lines, pending = (pending + chunk).split(b"\n")
            if not all([obey(line) for line in lines]):
                sources.remove(terminal)
                break
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.exit(code if code >= 0 else 128 - code)
