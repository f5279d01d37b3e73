"""What promotion, reinstatement and revocation are told, and what they say of it."""
