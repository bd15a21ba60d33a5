"""What is judged, and how (数据质量): row screening rules as data, Great Expectations suites over partitions."""
