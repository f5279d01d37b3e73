"""The programs that templates name: found, known by digest, copied, and what they need."""
