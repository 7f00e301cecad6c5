"""Refuses a subscription for `mesh conform --rights-command`: `python -m … FILE PID away SUBJECT|back`."""

import json
import os
import signal
import sys
from pathlib import Path


def refusing(*subjects: str) -> str:
    """A configuration of nats-server in which nobody logs in, and nobody may subscribe to these."""
    anyone = {"user": "anyone", "password": "-", "permissions": {"subscribe": {"deny": subjects}}}
    return json.dumps({"max_payload": 1_048_576, "no_auth_user": "anyone", "authorization": {"users": [anyone]}})


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(refusing(*sys.argv[4:]))
    os.kill(int(sys.argv[2]), signal.SIGHUP)
