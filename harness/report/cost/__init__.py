"""What a change costs, as text, JSON and charts."""
