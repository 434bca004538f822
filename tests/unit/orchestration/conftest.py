"""Fixtures of the orchestration's tests."""

from .world import world

__all__ = ["world"]
