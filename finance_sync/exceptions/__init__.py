"""Exceptions: rows of controls that do not hold, and what people do about them.

Belongs here: views of them for people; later their register and life cycle. Does not: finding them (dbt), judging (controls).
"""

from finance_sync.exceptions.summary import ControlLine, ExceptionLine, ExceptionSummary, summarise

__all__ = ["ControlLine", "ExceptionLine", "ExceptionSummary", "summarise"]
