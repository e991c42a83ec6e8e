"""What a patch costs, and what it could do without: tried by replay."""
