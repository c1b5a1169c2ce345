"""Whether a package index answers, found out in seconds, before anything is made."""

import http.client
import ssl
import threading
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

_LIMIT = 5.0
"""Seconds to wait for an index, however slowly it answers; pip itself would try for half a minute."""
_TRIES = 2
# Asked for a password: pip may have it. Not there, not this way: the index does answer.
_ANSWERS = (401, 404, 405, 429)


def why_unreachable(index: str, proxy: str | None = None) -> str:
    """Return why the index cannot be used, "" when it answers. The user's proxies are respected."""
    if index.startswith("file:"):
        folder = Path(urllib.request.url2pathname(urlsplit(index).path))
        return "" if folder.is_dir() else "there is no such folder"
    why = ""
    for _ in range(_TRIES):
        why = _ask_in_time(f"{index.rstrip('/')}/torch/", proxy)
        if not why:
            break
    return why


def _ask_in_time(url: str, proxy: str | None) -> str:
    # A time limit of a socket is one of each read: a server that sends a byte now and then would be waited for.
    answer: list[str] = []
    thread = threading.Thread(target=lambda: answer.append(_ask(url, proxy)), daemon=True)
    thread.start()
    thread.join(_LIMIT)
    return answer[0] if answer else "no answer"


def _ask(url: str, proxy: str | None) -> str:
    proxies = {"http": proxy, "https": proxy} if proxy else urllib.request.getproxies()
    # Nothing that it says is believed: which certificates count is for pip to know, which has its own settings.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler(proxies), urllib.request.HTTPSHandler(context=context)
    )
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "envkit"})  # noqa: S310 - http(s), as the plan checked
        opener.open(request, timeout=_LIMIT).close()
    except urllib.error.HTTPError as answer:
        answer.close()
        return "" if answer.code in _ANSWERS else f"it answers {answer.code} {answer.reason}".rstrip()
    except urllib.error.URLError as failure:
        return _in_words(failure.reason)
    except http.client.InvalidURL as wrong:
        return str(wrong)
    except http.client.HTTPException:
        return "what answers there does not speak HTTP"
    except (OSError, ValueError) as failure:
        return _in_words(failure)
    return ""


def _in_words(failure: object) -> str:
    if isinstance(failure, TimeoutError):
        return "no answer"
    return (isinstance(failure, OSError) and failure.strerror) or str(failure) or type(failure).__name__
