"""URLs as they may be shown and kept: without the user names, passwords and tokens in them."""

import re
from urllib.parse import urlsplit, urlunsplit

# What stands before the host, and conda's tokens, which stand in the path.
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]*@|(?<=/t/)[^/\s]+")


def redacted(text: str) -> str:
    """Return a text with stars in the place of the credentials of every URL in it."""
    return _CREDENTIALS.sub(lambda found: "*****@" if found.group().endswith("@") else "*****", text)


def holds_credentials(text: str) -> bool:
    """Tell whether a URL in the text has credentials."""
    return bool(_CREDENTIALS.search(text))


def without_credentials(url: str) -> str:
    """Return a URL without user and password, and without a slash at its end."""
    try:
        parts = urlsplit(url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])).rstrip("/")
    except ValueError:
        return url.rpartition("@")[2]
