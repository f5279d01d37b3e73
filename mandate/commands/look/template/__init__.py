"""What agent stages may be, and more of it."""
