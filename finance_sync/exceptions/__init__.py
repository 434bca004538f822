"""Exceptions: rows of controls that do not hold, and what people do about them.

Belongs here: the register, its life cycle and history, overviews. Does not: finding them (dbt), judging (controls).
"""

from finance_sync.exceptions.summary import ControlLine, ExceptionLine, ExceptionSummary, summarise

__all__ = ["ControlLine", "ExceptionLine", "ExceptionSummary", "summarise"]
