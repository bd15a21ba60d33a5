"""What happens to a batch of uploads and to a day of them: pure functions over frames, no infrastructure."""
