"""Who and where this is: what must not stand in anything that is handed on."""

import os
import socket
from pathlib import Path

from envkit.redaction import Names, secrets_in

_USERS = ("USER", "LOGNAME", "USERNAME", "SUDO_USER")
_HOMES = ("HOME", "USERPROFILE")
_HOSTS = ("HOSTNAME", "COMPUTERNAME", "HOST")


def probe_names() -> Names:
    """Return the names of this user and machine, and the secrets in this process's environment variables."""
    homes = [os.environ.get(name, "") for name in _HOMES] + [_expanded("~")]
    users = [os.environ.get(name, "") for name in _USERS] + [_account()]
    hosts = [os.environ.get(name, "") for name in _HOSTS] + [socket.gethostname()]
    return Names(
        users=filter(None, users),
        homes=filter(None, homes),
        hosts=filter(None, hosts),
        secrets=secrets_in(os.environ),
        texts=[value for value in os.environ.values() if "://" in value],
    )


def _expanded(path: str) -> str:
    try:
        return str(Path(path).expanduser())
    except (KeyError, RuntimeError, OSError):
        return ""


def _account() -> str:
    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):
        return ""
