"""Does this Vault itself hold production back until a person has approved?"""
