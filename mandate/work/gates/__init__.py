"""Gates shown, answered and signed for; logins begun and ended."""
