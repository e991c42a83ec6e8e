"""Which of what a patch changes was run, and what was not."""
