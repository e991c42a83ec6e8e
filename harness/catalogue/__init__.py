"""The rules explained: a page for each, with a failing and a fixed example."""

from harness.catalogue.page import Example, Page, page, pages
from harness.catalogue.text import page_text

__all__ = ["Example", "Page", "page", "page_text", "pages"]
