"""The report as a reply to the mail of a patch."""
