"""A check split over several machines, and put together again."""
