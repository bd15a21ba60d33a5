"""HJ 212, the telegram protocol of environmental monitors (污染物在线监控系统数据传输标准), as pure functions.

HJ/T 212-2005, HJ 212-2017, and of HJ 212-2025 what its implementers tell. Bytes → frame (`frame`) → packet (`packet`) →
the fields of an upload (`decode`); and back: `answers`.
"""
