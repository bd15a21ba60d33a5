"""The same job on other engines (同类对比), each written as its own documentation would have it."""
