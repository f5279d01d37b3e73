"""What a proof is a signature of, and how a signed text is made."""
