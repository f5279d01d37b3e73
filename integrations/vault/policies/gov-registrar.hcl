# Queue mandate-trust: makes agents known. It writes metadata, but neither policies nor "disabled",
# and token roles of exactly one shape (texts, not lists: Vault compares texts). It cannot mint.
#
# Vault does not tell making an entity from writing one: "create" alone makes none. So whoever holds
# this identity can write the tier of any agent, and "created once" is what the registrar keeps to,
# not what Vault enforces. Guard its role file like the promoter's.
path "identity/entity/name/agent-*" {
  capabilities       = ["create", "read", "update"]
  allowed_parameters = { "metadata" = [] }
}

path "identity/entity-alias" {
  capabilities       = ["create", "update"]
  allowed_parameters = {
    "name"           = ["agent-*"]
    "canonical_id"   = []
    "mount_accessor" = []
  }
}

path "auth/token/roles/gov-agent-*" {
  capabilities        = ["create", "update"] # a read would lack the required parameters
  required_parameters = [
    "allowed_policies", "allowed_entity_aliases", "orphan", "renewable",
    "token_no_default_policy", "token_explicit_max_ttl", "token_type",
  ]
  allowed_parameters = {
    "allowed_policies"        = ["gov-t0,gov-t1,gov-t2"]
    "allowed_entity_aliases"  = ["agent-*"]
    "orphan"                  = [true]
    "renewable"               = [false]
    "token_no_default_policy" = [true]
    "token_explicit_max_ttl"  = ["30m"]
    "token_type"              = ["service"]
  }
}

# The tier is metadata of the entity, which no role can raise: these open nothing by themselves.
path "auth/token/roles/gov3-agent-*" {
  capabilities        = ["create", "update"]
  required_parameters = [
    "allowed_policies", "allowed_entity_aliases", "orphan", "renewable",
    "token_no_default_policy", "token_explicit_max_ttl", "token_type",
  ]
  allowed_parameters = {
    "allowed_policies"        = ["gov-t0,gov-t1,gov-t2,gov-t3,gov-t4"]
    "allowed_entity_aliases"  = ["agent-*"]
    "orphan"                  = [true]
    "renewable"               = [false]
    "token_no_default_policy" = [true]
    "token_explicit_max_ttl"  = ["30m"]
    "token_type"              = ["service"]
  }
}

path "auth/token/roles/gov3-gate-agent-*" {
  capabilities        = ["create", "update"]
  required_parameters = [
    "allowed_policies", "allowed_entity_aliases", "orphan", "renewable",
    "token_no_default_policy", "token_explicit_max_ttl", "token_type",
  ]
  allowed_parameters = {
    "allowed_policies"        = ["gov-t3"]
    "allowed_entity_aliases"  = ["agent-*"]
    "orphan"                  = [true]
    "renewable"               = [false]
    "token_no_default_policy" = [true]
    "token_explicit_max_ttl"  = ["744h"]
    "token_type"              = ["service"]
  }
}

path "sys/auth"               { capabilities = ["read"] }
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
