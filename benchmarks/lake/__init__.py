"""A province-day at full size: landed, compacted, computed and reported, each in a process of its own."""
