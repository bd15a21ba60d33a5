"""The mapping language (映射语言): from a province's upload to the canonical model, compiled once."""
