"""Event traces as files: the harness's own format, and casemate's.

A trace file of the harness is JSON lines: a header object that says where the
trace starts (``header``), then one event a line (``event_lines``).  casemate's
logs are read and written by the modules named after it.
"""
