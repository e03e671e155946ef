"""Addresses that a text may be downloaded from: https, or http on this machine."""

import ipaddress
from urllib.parse import urlsplit


def find_url_problem(url: str) -> str | None:
    """Return the rule that an address breaks, in words; None: it may be used.

    >>> find_url_problem("https://example.org/text.txt")
    >>> find_url_problem("http://127.0.0.1:8000/text.txt")
    >>> find_url_problem("http://example.org/text.txt")
    'an https address (http is for this machine alone)'
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "a valid address"
    if not url.isprintable() or " " in url or not host:
        return "a valid address"
    if parts.username is not None or parts.password is not None:
        return "an address without user and password"
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host)):
        return None
    return "an https address (http is for this machine alone)"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
