# Queue mandate: mints for phases up to T2, for one named agent at a time, never without an entity.
# The lists under "policies" are the phase table of tiers.py; nothing else can be asked for.
path "auth/token/create/gov-agent-*" {
  capabilities        = ["update"]
  required_parameters = ["entity_alias", "policies", "ttl", "no_default_policy", "renewable", "type"]
  allowed_parameters = {
    "entity_alias" = ["agent-*"]
    "policies" = [
      ["gov-t0"],
      ["gov-t0", "gov-t1"],
      ["gov-t0", "gov-t1", "gov-t2"],
      ["gov-t0", "gov-t2"],
    ]
    "ttl"               = []
    "meta"              = []
    "display_name"      = []
    "no_default_policy" = [true]
    "renewable"         = [false]
    "type"              = ["service"]
  }
}

# What a canary of each tier is granted, which it asks before it mints for anybody else.
path "sys/capabilities-accessor"     { capabilities = ["update"] }

path "auth/token/revoke-accessor"    { capabilities = ["update"] }
path "identity/entity/name/agent-*"  { capabilities = ["read"] }
path "sys/policies/acl/gov-*"        { capabilities = ["read"] }
path "auth/token/lookup-self"        { capabilities = ["read"] }
path "auth/token/revoke-self"        { capabilities = ["update"] }
