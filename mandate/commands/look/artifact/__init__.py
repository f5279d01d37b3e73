"""Read what agents have put out."""
