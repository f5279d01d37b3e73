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

path "auth/token/revoke-accessor"   { capabilities = ["update"] }
path "identity/entity/name/agent-*" { capabilities = ["read"] }
path "sys/policies/acl/gov-*"       { capabilities = ["read"] }
path "auth/token/lookup-self"       { capabilities = ["read"] }
path "auth/token/revoke-self"       { capabilities = ["update"] }
