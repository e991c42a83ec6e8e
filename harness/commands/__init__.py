"""Commands of the command line, one module each.

A module offers ``add_arguments(parser)`` and ``run(arguments) -> Outcome``; it
prints nothing.  It imports what is slow to import in ``run``.
"""
