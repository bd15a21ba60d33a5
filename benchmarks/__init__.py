"""How fast, how quick to answer, how it grows (基准测试): measured beside other engines, never promised."""
