"""URLs as they may be shown and kept: without the user names, passwords and tokens in them."""

import re
from urllib.parse import urlsplit, urlunsplit

# A user's name may be a mail address, and people write passwords as they are: the last @ before the path counts.
_BEFORE_THE_HOST = re.compile(r"(?<=://)[^/\s'\"]*@")
_IN_THE_QUERY = re.compile(r"([?&][\w.-]*(?:token|key|secret|passw|signature|auth)[\w.-]*=)[^&\s'\"]+", re.IGNORECASE)
_TOKEN_OF_CONDA = re.compile(r"(://\S*?/t/)[^/\s'\"]+")


def redacted(text: str) -> str:
    """Return a text with stars in the place of the credentials of every URL in it."""
    if "://" not in text:
        return text
    told = _TOKEN_OF_CONDA.sub(r"\1*****", _BEFORE_THE_HOST.sub("*****@", text))
    return _IN_THE_QUERY.sub(r"\1*****", told)


def holds_credentials(text: str) -> bool:
    """Tell whether a URL in the text has credentials."""
    return redacted(text) != text


def without_credentials(url: str) -> str:
    """Return a URL without user and password, and without a slash at its end."""
    try:
        parts = urlsplit(url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])).rstrip("/")
    except ValueError:
        return url.rpartition("@")[2]
