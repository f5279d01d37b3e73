# Queue mandate-t3: mints for phases of T3 and T4 from token roles of their own (gov3-agent-*).
path "auth/token/create/gov3-agent-*" {
  capabilities        = ["update"]
  required_parameters = ["entity_alias", "policies", "ttl", "no_default_policy", "renewable", "type"]
  allowed_parameters = {
    "entity_alias" = ["agent-*"]
    "policies" = [
      ["gov-t0"],
      ["gov-t0", "gov-t1", "gov-t2", "gov-t3"],
      ["gov-t0", "gov-t2"],
      ["gov-t0", "gov-t4"],
    ]
    "ttl"               = []
    "meta"              = []
    "display_name"      = []
    "no_default_policy" = [true]
    "renewable"         = [false]
    "type"              = ["service"]
  }
}

# Tokens that do nothing but ask: what they read waits until a person authorises it in Vault.
path "auth/token/create/gov3-gate-agent-*" {
  capabilities        = ["update"]
  required_parameters = ["entity_alias", "policies", "ttl", "no_default_policy", "renewable", "type"]
  allowed_parameters = {
    "entity_alias"      = ["agent-*"]
    "policies"          = [["gov-t3"]]
    "ttl"               = []
    "meta"              = []
    "display_name"      = []
    "no_default_policy" = [true]
    "renewable"         = [false]
    "type"              = ["service"]
  }
}

# Where the answers wait. Nobody else may read them: whoever holds one can redeem it.
path "kv-gates/data/*"            { capabilities = ["create", "read", "update", "delete"] }
path "kv-gates/metadata/*"        { capabilities = ["create", "read", "update", "delete"] }
path "sys/control-group/request"  { capabilities = ["update"] }

# It trusts no workflow: who has voted, it sees for itself.
path "gov-transit/verify/approver-*" { capabilities = ["update"] }
path "identity/entity/id/*"          { capabilities = ["read"] }
path "identity/group/name/*"         { capabilities = ["read"] }

# What a canary of each tier is granted, which it asks before it mints for anybody else.
path "sys/capabilities-accessor"    { capabilities = ["update"] }

path "auth/token/revoke-accessor"   { capabilities = ["update"] }
path "identity/entity/name/agent-*" { capabilities = ["read"] }
path "sys/policies/acl"             { capabilities = ["list"] }
path "sys/policies/acl/gov-*"       { capabilities = ["read"] }
path "auth/token/lookup-self"       { capabilities = ["read"] }
path "auth/token/revoke-self"       { capabilities = ["update"] }
