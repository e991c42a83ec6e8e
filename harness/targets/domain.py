"""Domains and vCPUs of the simulated world, by where their structs lie."""

from __future__ import annotations

from dataclasses import dataclass

from harness.targets.context_switch import Stage1

__all__ = ["Domain", "Vcpu"]


@dataclass(frozen=True, slots=True)
class Vcpu:
    """A vCPU: where its struct lies, and its own stage 1."""

    name: str
    address: int
    domain: str
    stage1: Stage1


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain: where its struct and its p2m lie."""

    name: str
    address: int
    p2m: int
    vcpus: tuple[Vcpu, ...]
