"""What a repository says of reviews of itself: findings that need not be told, with a reason."""
