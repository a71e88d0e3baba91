"""Runs a program in a pseudo-terminal: terminal.py ACTION FILE PROGRAM ARGS...

When FILE is there, types Ctrl-C (ACTION "interrupt") or closes the terminal (ACTION "close").
Copies what is written to standard output and ends with the program's exit code.
"""

import fcntl
import os
import pty
import select
import struct
import sys
import termios

action, file, *argv = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(argv[0], argv)
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 120, 0, 0))
done = False
while True:
    if not done and os.path.exists(file):
        done = True
        if action == "close":
            os.close(terminal)
            break
        os.write(terminal, b"\x03")
    if not select.select([terminal], [], [], 0.1)[0]:
        continue
    try:
        chunk = os.read(terminal, 65536)
    except OSError:
        break
    if not chunk:
        break
    sys.stdout.buffer.write(chunk)
    sys.stdout.buffer.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) % 256)
