"""Programs of their own: they read what strangers wrote, and import nothing of ours."""
