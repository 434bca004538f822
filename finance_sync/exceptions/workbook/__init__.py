"""The workbook round trip: an owner's exceptions as XLSX, filled in by people, read back into the register.

Belongs here: what a workbook looks like, writing it, reading it back, the inbox. Does not: which acts are possible
(dispositions), the register itself (tables, work).
"""
