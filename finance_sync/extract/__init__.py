"""HOW a delta is pulled: one open, repeatable read per object, from files or SQL, as Polars frames.

Belongs here: reaching a source, reading it as it is, and asking it what it says it has. Does not: judging the records
(landing.check), remembering what was pulled (landing). Import direction: settings, errors, catalog -> extract -> landing.
"""

from finance_sync.extract.pull import BrokenRecord, FileFacts, Page, Pull, Statement, Window
from finance_sync.extract.source import found_files, open_pull

__all__ = ["BrokenRecord", "FileFacts", "Page", "Pull", "Statement", "Window", "found_files", "open_pull"]
