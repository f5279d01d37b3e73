"""Tool servers: what agents may be let call, as a site declares and pins it."""
