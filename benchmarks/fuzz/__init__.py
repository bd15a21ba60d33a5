"""Fuzzing (模糊测试): uploads that no vendor meant to send, by the million."""
