"""Signed messages: who wrote a command, and for which topic.

A signed message is a JSON document of three texts: ``body``, the message proper as text; ``key``, the id of the key;
``signature``, HMAC-SHA256 (RFC 2104) with that key over the topic, one NUL, and the body, all UTF-8, in hexadecimal.
The bytes of ``body`` are signed as they are, so no two programs need to agree on one way to write JSON. The topic is
part of it, so a message cannot be taken to another.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from hil.devices.mqtt.payloads import json_document, json_payload
from hil.devices.mqtt.refusal import Refusal

LEAST_KEY_BYTES = 16


@dataclass(frozen=True, slots=True, repr=False)
class Signer:
    """Key to sign with, and its id. Has no text form: a key is not to be printed by chance."""

    key_id: str
    key: bytes

    def __post_init__(self) -> None:
        if len(self.key) < LEAST_KEY_BYTES:
            raise ValueError(
                f"key {self.key_id}: {len(self.key)} bytes are too few, at least {LEAST_KEY_BYTES}"
            )


def seal(topic: str, body: bytes, signer: Signer | None) -> bytes:
    """Sign a body; without a ``signer`` it is sent as it is."""
    if signer is None:
        return body
    signature = _signature(topic, body, signer.key)
    return json_payload({"body": body.decode(), "key": signer.key_id, "signature": signature})


def unseal(topic: str, payload: bytes, keys: Mapping[str, bytes]) -> bytes | Refusal:
    """Give the body of a message whose signature holds; why not, where it does not.

    Without ``keys`` signing is off, and the payload is the body. Raises ``UnreadableError`` where it is no JSON.
    """
    if not keys:
        return payload
    parts = _parts(payload)
    if isinstance(parts, Refusal):
        return parts
    body, key_id, signature = parts
    if key_id not in keys:
        return Refusal.UNKNOWN_KEY
    right = _signature(topic, body, keys[key_id])
    return body if hmac.compare_digest(right.encode(), signature.lower()) else Refusal.WRONG_SIGNATURE


def _parts(payload: bytes) -> tuple[bytes, str, bytes] | Refusal:
    """Body, id of the key and signature."""
    document = json_document(payload)
    if isinstance(document, dict) and document.get("signature") is None:
        return Refusal.UNSIGNED
    if not isinstance(document, dict):
        return Refusal.MALFORMED
    body, key_id, signature = (document.get(name) for name in ("body", "key", "signature"))
    if not (isinstance(body, str) and isinstance(key_id, str) and isinstance(signature, str)):
        return Refusal.MALFORMED
    try:
        return body.encode(), key_id, signature.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can write and UTF-8 cannot
        return Refusal.MALFORMED


def _signature(topic: str, body: bytes, key: bytes) -> str:
    return hmac.new(key, topic.encode() + b"\0" + body, hashlib.sha256).hexdigest()
