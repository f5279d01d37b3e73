"""People with logins of their own."""
