"""What was meant where a text stands for a number or for a list: a hint, and only where one reading is left."""

from __future__ import annotations

import math
import re

from hil.config.units import convert, known_unit, same_dimension, unit_of_name

_DIGITS = r"[+-]?(?:[0-9]+(?:[.,][0-9]+)?|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?"
_NUMBER = re.compile(rf"\s*(?P<number>{_DIGITS})\s*(?P<rest>.*?)\s*")
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}")
"""Thousands to some and a decimal comma to others."""
_BETWEEN = r"(?:\s*(?:\.\.\.?|…|–|—|;|/)\s*|(?<=[0-9])-(?=[0-9+-])|\s+(?:-|to|bis)\s+|,\s+|\s+)"
_PAIR = re.compile(rf"\s*({_DIGITS}){_BETWEEN}({_DIGITS})\s*")
_NAMES = re.compile(r"\s*[A-Za-z][\w.{}]*(?:\s*[,;]\s*[A-Za-z][\w.{}]*)*\s*")


def number_hint(text: str, key: str = "", *, whole: bool = False) -> str:
    """Say how the number in ``text`` is written as the value of ``key``; empty where that is not known.

    A unit that ``text`` has is converted to the one that the key's name ends with (``period_s``). Where the key has
    none, or one of another dimension, no number is proposed: it might be wrong by orders of magnitude.
    ``whole`` is for keys that take no fraction.
    """
    found = _NUMBER.fullmatch(text)
    if found is None:
        return ""
    digits, rest = found["number"], found["rest"]
    doubtful = _THOUSANDS.fullmatch(digits) is not None
    written = digits.replace(",", ".")
    value = math.nan if doubtful else float(written)
    if rest:
        return _without_unit(written, value, rest, key, whole)
    if doubtful:
        without = digits.replace(",", "")
        return f"write it as it is meant: {written} with a decimal point, or {without} without separator"
    if not _fits(value, whole):
        return ""
    return f"write it {'with a decimal point' if ',' in digits else 'without quotes'}: {written}"


def _without_unit(written: str, value: float, rest: str, key: str, whole: bool) -> str:
    own, given = unit_of_name(key), known_unit(rest)
    if own is None:
        is_unit = given is not None or all(known_unit(part) for part in rest.split("/"))
        return "write the number alone, in the unit that is meant here" if is_unit else ""
    converted = convert(value, given, own) if given is not None and same_dimension(given, own) else math.nan
    if not _fits(converted, whole):
        return f"write it as a number in {own}"
    if given == own:
        return f"write it without the unit {rest}: {written}"
    return f"write it in {own}, without the unit {rest}: {converted:.12g}"


def _fits(value: float, whole: bool) -> bool:
    return math.isfinite(value) and (value.is_integer() or not whole)


def list_hint(text: str) -> str:
    """Say how the list in ``text`` is written; empty where that is not known."""
    number, pair = _NUMBER.fullmatch(text), _PAIR.fullmatch(text)
    items: list[str] = []
    if number is not None and not number["rest"]:
        if "," in text:
            as_list, as_number = (number["number"].replace(",", mark) for mark in (", ", "."))
            return f"put it in brackets: [{as_list}], or with a decimal point [{as_number}]"
        items = [number["number"]]
    elif pair is not None:
        items = [end.replace(",", ".") for end in pair.groups()]
    elif _NAMES.fullmatch(text):
        items = re.split(r"[\s,;]+", text.strip())
    return f"put it in brackets: [{', '.join(items)}]" if items else ""
