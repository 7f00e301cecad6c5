"""Refuses a subscription for `mesh conform --rights-command`: `python -m … FILE PID away SUBJECT|back`."""

import json
import os
import signal
import sys
from pathlib import Path


def refusing(folder: Path, *subjects: str) -> str:
    """A configuration of nats-server in which nobody logs in, and nobody may subscribe to these.

    JetStream keeps its files in the folder.
    """
    anyone = {"user": "anyone", "password": "-", "permissions": {"subscribe": {"deny": subjects}}}
    users = {"no_auth_user": "anyone", "authorization": {"users": [anyone]}}
    return json.dumps({"max_payload": 1_048_576, "jetstream": {"store_dir": str(folder)}, **users})


if __name__ == "__main__":
    configuration = Path(sys.argv[1])
    configuration.write_text(refusing(configuration.parent, *sys.argv[4:]))
    os.kill(int(sys.argv[2]), signal.SIGHUP)
