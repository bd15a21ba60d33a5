"""How fast, how quick to answer, how it grows, what it endures (基准测试): measured, never promised."""
