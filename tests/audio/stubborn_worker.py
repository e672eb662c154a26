"""A worker whose sound system started a server of its own, which keeps our pipe open (as JACK's autostart does)."""

import subprocess
import sys

from realtime_helpers.speech.worker import read_block, write_block

read_block(sys.stdin.buffer)
child = subprocess.Popen(["sleep", "20"], stdin=subprocess.DEVNULL)  # inherits standard output
write_block(sys.stdout.buffer, {"kind": "open", "device": "x", "latency_ms": 0, "child": child.pid})
sys.stdin.buffer.read()
