"""How the cause of a violation is found: repairs of its trace, tried by replay."""
