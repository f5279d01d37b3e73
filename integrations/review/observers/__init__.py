"""What looks at a repository: one file for each tool or subject."""
