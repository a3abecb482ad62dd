"""Who may see a board: one marked public is everybody's, another needs its key, typed once and kept in a signed cookie.

The cookie holds the hash that the key had when it was typed, so that a new key shuts out every screen with the old one.
"""

import hashlib
from collections.abc import Mapping

from django.core import signing
from django.http import HttpResponse
from django.utils.crypto import constant_time_compare

from queueboard.models import Board

SALT = "queueboard.board"
KEPT_SECONDS = 400 * 24 * 3600  # the longest that browsers keep a cookie


def cookie_name(slug: str) -> str:
    return f"board_key_{slug}"


def hash_key(key: str) -> str:
    """What `Board.key_hash` holds of a key: hex SHA-256."""
    return hashlib.sha256(key.strip().encode()).hexdigest()


def fits(board: Board, key: str) -> bool:
    """Whether this is the board's key. A board without a key that is not public opens to nobody."""
    return bool(board.key_hash) and constant_time_compare(hash_key(key), board.key_hash)


def may_see(board: Board, cookies: Mapping[str, str]) -> bool:
    """Whether a browser or socket with these cookies may see the board."""
    if board.public:
        return True
    try:
        kept = signing.get_cookie_signer(salt=SALT + board.slug).unsign(cookies.get(cookie_name(board.slug), ""))
    except signing.BadSignature:
        return False
    return bool(board.key_hash) and constant_time_compare(kept, board.key_hash)


def remember(response: HttpResponse, board: Board, *, secure: bool) -> None:
    """Puts the board's key into the browser's cookies, out of reach of scripts."""
    response.set_cookie(
        cookie_name(board.slug),
        signing.get_cookie_signer(salt=SALT + board.slug).sign(board.key_hash),
        max_age=KEPT_SECONDS, httponly=True, samesite="Lax", secure=secure,
    )  # fmt: skip
