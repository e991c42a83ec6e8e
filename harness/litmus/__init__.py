"""Litmus tests: small worlds and programs, each with a question and its answer.

``parse(text, name)`` reads a test, ``run(test)`` answers it.  The format is
described in ``harness.litmus.manual``, which ``harness litmus --format`` prints.
"""

from harness.litmus.answer import Answer, Result
from harness.litmus.parser import parse
from harness.litmus.run import run
from harness.litmus.test import Expectation, Test, Verdict

__all__ = ["Answer", "Expectation", "Result", "Test", "Verdict", "parse", "run"]
