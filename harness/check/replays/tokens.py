"""Replay tokens: a finding as a line of text that shows it again.

"tlb1." and base64url without padding of: the model, six bytes; a digest of what
follows before it was deflated, four; deflated, which finding of its rule is meant,
one, and the trace as ``harness.traces.packing`` packs it.
A token belongs to one version of the model: another one may well find something else.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import zlib
from collections.abc import Iterable
from dataclasses import replace

from harness import assumptions as readings
from harness.check import store
from harness.check.alternatives import HIDDEN_RULE
from harness.check.diagnosis import Diagnosis
from harness.check.finding import Finding, Status
from harness.check.replays.evidence import Evidence, kept_evidence
from harness.check.replays.reduction import reduced, shown
from harness.errors import TokenError
from harness.model_version import model_version
from harness.traces.event_lines import Malformed
from harness.traces.header import Header
from harness.traces.packing import MAX_UNPACKED, pack, unpack
from reference_model.cores import PROFILES
from reference_model.events import Event

__all__ = [
    "PREFIX",
    "beginning",
    "evidence_of",
    "is_token",
    "opened_token",
    "token_of",
    "with_tokens",
]

PREFIX = "tlb1."
_LIKE = re.compile(r"tlb1\.|tlb\d+\.[\w-]{40}")  # a token, or of another version
_LONGEST = 1 << 14  # characters; what is made stays far below
_PASTED = 1500  # characters: nobody pastes more
_BROKEN = re.compile(r"[\s>|]+")  # how a mail breaks it, and what quotes it
_MODEL = 6  # bytes that name the model
_CHECK = 4  # bytes of the digest


def with_tokens(findings: Iterable[Finding]) -> list[Finding]:
    """Give each new finding its token, and drop the traces they are made from."""
    return [
        replace(f, shown=None, replay=_token(f) if f.status is Status.NEW else "")
        for f in findings
    ]


def _token(finding: Finding) -> str:
    """Return the token; "" for what no trace shows, or only a long one."""
    diagnosis = finding.shown
    if diagnosis is None or not diagnosis.evidence:
        return ""
    token = token_of(kept_evidence(diagnosis.evidence), diagnosis)
    return token if len(token) <= _PASTED else ""


def token_of(evidence: Evidence, diagnosis: Diagnosis) -> str:
    """Return a token that shows a diagnosis again, "" if its trace does not."""
    alone = _on_its_cpu(evidence, diagnosis.rule)
    whole = _packed(alone, diagnosis.rule, 0)
    key = store.key_of("token", whole, shown(diagnosis))
    token = store.load_text(key)
    if token is None:
        token = _made(alone, diagnosis)
        store.save_text(key, token)
    return token


def _made(evidence: Evidence, diagnosis: Diagnosis) -> str:
    found = reduced(evidence, diagnosis)
    if found is None or found[1] > 0xFF:
        return ""
    least, number = found
    packed = _packed(least, diagnosis.rule, number)
    squeeze = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    squeezed = squeeze.compress(packed) + squeeze.flush()
    data = _model_mark() + _digest(packed) + squeezed
    return PREFIX + base64.urlsafe_b64encode(data).decode().rstrip("=")


def _packed(evidence: Evidence, rule: str, number: int) -> bytes:
    return bytes([number]) + pack(evidence.header(rule), evidence.events)


def _on_its_cpu(evidence: Evidence, rule: str) -> Evidence:
    """Return the evidence on the CPU that a token's trace runs on."""
    profile = PROFILES[evidence.replay.profile.name]
    if rule == HIDDEN_RULE:
        # What only a workaround mends is shown on the CPU that needs none.
        profile = replace(profile, errata=frozenset[str]())
    return replace(evidence, replay=replace(evidence.replay, profile=profile))


def beginning() -> str:
    """Return what all tokens of this model begin with."""
    return PREFIX + base64.urlsafe_b64encode(_model_mark()).decode()


def _model_mark() -> bytes:
    return bytes.fromhex(model_version().rpartition("+")[2])[:_MODEL]


def _digest(packed: bytes) -> bytes:
    return hashlib.sha256(packed).digest()[:_CHECK]


# ----------------------------------------------------------------------- opening


def is_token(text: str) -> bool:
    """Tell whether a text is meant for a token, quoted, damaged or old as it may be."""
    return _LIKE.match(_BROKEN.sub("", text[:_LONGEST])) is not None


def opened_token(text: str) -> tuple[Header, tuple[Event, ...], int]:
    """Return the trace of a token, and which finding of its rule is meant.

    Line breaks in the token, and the marks of a quotation, do not matter.
    Raises TokenError for one that is damaged or of another model.
    """
    token = _BROKEN.sub("", text)
    if not token.startswith(PREFIX):
        raise TokenError(f"this is no replay token: one begins with '{PREFIX}'")
    if PREFIX in token.removeprefix(PREFIX):
        raise TokenError("more than one replay token: give them one by one")
    if len(token) > _LONGEST:
        raise TokenError(f"a replay token has at most {_LONGEST} characters")
    data = _decoded(token.removeprefix(PREFIX))
    _refuse_other_model(data[:_MODEL])
    packed = _inflated(data[_MODEL + _CHECK :])
    if not packed or _digest(packed) != data[_MODEL : _MODEL + _CHECK]:
        raise _damaged("its digest is wrong")
    try:
        header, events = unpack(packed[1:])
        if len(header.profiles) != 1 or header.profiles[0] not in PROFILES:
            raise Malformed("it names no CPU profile")
    except Malformed as malformed:
        raise _damaged(str(malformed)) from None
    readings.read(header.assumptions)
    return replace(header, model=model_version()), events, packed[0]


def _decoded(text: str) -> bytes:
    padded = text + "=" * (-len(text) % 4)
    try:
        data = base64.b64decode(padded, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _damaged("it is not base64url") from None
    if len(data) <= _MODEL + _CHECK:
        raise _damaged("it is too short")
    return data


def _refuse_other_model(mark: bytes) -> None:
    if mark != _model_mark():
        raise TokenError(
            f"the token was made with model {mark.hex()}, and this is "
            f"{model_version()}: replay it with the harness that printed it, or check "
            "the patch again"
        )


def _inflated(data: bytes) -> bytes:
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        packed = inflate.decompress(data, MAX_UNPACKED)
    except zlib.error:
        raise _damaged("it cannot be unpacked") from None
    if not inflate.eof:
        more = "longer than any that is made" if inflate.unconsumed_tail else "cut off"
        raise _damaged(f"it is {more}")
    if inflate.unused_data:
        raise _damaged("something follows its end")
    return packed


def _damaged(why: str) -> TokenError:
    return TokenError(f"the replay token is damaged: {why}; copy all of it")


def evidence_of(header: Header, events: tuple[Event, ...]) -> Evidence:
    """Return the evidence that a token holds."""
    return _on_its_cpu(Evidence.of(header, events), header.rule)
