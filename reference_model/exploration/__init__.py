"""Exhausts the executions of small programs on several PEs."""
