"""The Great Expectations suites and how they are run: the only place that imports that library."""
