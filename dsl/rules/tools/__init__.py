"""What an agent may call, and who says so: calls, their digests, and the ruling on each."""
