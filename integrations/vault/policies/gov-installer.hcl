# Keeps the installation as this release wants it, and fills the zones without reading them.
# It writes policies, so its token is to be guarded like root's; that one is gone.
path "sys/policies/acl/gov-*" { capabilities = ["create", "read", "update"] }

path "sys/mounts"             { capabilities = ["read"] }
path "sys/mounts/kv-shared"   { capabilities = ["create", "update"] }
path "sys/mounts/kv-agents"   { capabilities = ["create", "update"] }
path "sys/mounts/kv-sandbox"  { capabilities = ["create", "update"] }
path "sys/mounts/kv-build"    { capabilities = ["create", "update"] }
path "sys/mounts/kv-prod"     { capabilities = ["create", "update"] }
path "sys/mounts/kv-gates"    { capabilities = ["create", "update"] }
path "sys/mounts/kv-notify"   { capabilities = ["create", "update"] }
path "sys/mounts/gov-transit" { capabilities = ["create", "update"] }
path "sys/auth"               { capabilities = ["read"] }
path "sys/auth/workers"       { capabilities = ["create", "update", "sudo"] }
path "sys/auth/approver"      { capabilities = ["create", "update", "sudo"] }

path "auth/workers/role/worker-*"     { capabilities = ["create", "list", "read", "update"] }
path "gov-transit/keys/ledger-head"   { capabilities = ["create", "read", "update"] }
path "gov-transit/keys/artifact-*"    { capabilities = ["create", "read", "update"] }

# People: approvers and nothing else, in groups that carry no policies.
path "auth/approver/users/*" {
  capabilities        = ["create", "update"] # a read would lack the required parameters
  required_parameters = ["token_policies", "token_no_default_policy"]
  allowed_parameters = {
    "password"                = []
    "token_policies"          = ["gov-approver"]
    "token_no_default_policy" = [true]
    "token_ttl"               = ["8h"]
  }
}

path "identity/entity/name/*" {
  capabilities       = ["create", "read", "update"]
  allowed_parameters = { "name" = [] }
}

path "identity/group/name/*" {
  capabilities       = ["create", "read", "update"]
  allowed_parameters = {
    "type"              = ["internal"]
    "member_entity_ids" = []
    "member_group_ids"  = []
  }
}

path "identity/entity-alias" {
  capabilities       = ["create", "update"]
  allowed_parameters = {
    "name"           = []
    "canonical_id"   = []
    "mount_accessor" = []
  }
}

# Agents are the registrar's; all but one, by which it is tried whether approvals are enforced, and
# those below.
path "identity/entity/name/agent-*" { capabilities = ["read"] }

path "identity/entity/name/agent-0-gate-probe" {
  capabilities       = ["create", "read", "update"]
  allowed_parameters = { "metadata" = [] }
}

path "auth/token/roles/gov3-gate-agent-0-gate-probe" {
  capabilities       = ["create", "update"]
  allowed_parameters = {
    "allowed_policies"        = ["gov-t3"]
    "allowed_entity_aliases"  = ["agent-0-gate-probe"]
    "orphan"                  = [true]
    "renewable"               = [false]
    "token_no_default_policy" = [true]
    "token_explicit_max_ttl"  = ["5m"]
    "token_type"              = ["service"]
  }
}

# By these it is tried what each tier may do. Nobody can use their tokens: they are bound to an
# address that no machine has (TEST-NET-1), and are there to be looked at.
path "identity/entity/name/agent-0-tier-probe-t*" {
  capabilities       = ["create", "read", "update"]
  allowed_parameters = { "metadata" = [] }
}

path "auth/token/roles/gov-agent-0-tier-probe-t0" {
  capabilities       = ["create", "update"]
  allowed_parameters = {
    "allowed_policies"        = ["gov-t0"]
    "allowed_entity_aliases"  = ["agent-0-tier-probe-t0"]
    "orphan"                  = [true]
    "renewable"               = [false]
    "token_no_default_policy" = [true]
    "token_explicit_max_ttl"  = ["5m"]
    "token_type"              = ["service"]
    "token_bound_cidrs"       = ["192.0.2.1/32"]
  }
}

path "auth/token/roles/gov-agent-0-tier-probe-t1" {
  capabilities       = ["create", "update"]
  allowed_parameters = {
    "allowed_policies"        = ["gov-t0,gov-t1"]
    "allowed_entity_aliases"  = ["agent-0-tier-probe-t1"]
    "orphan"                  = [true]
    "renewable"               = [false]
    "token_no_default_policy" = [true]
    "token_explicit_max_ttl"  = ["5m"]
    "token_type"              = ["service"]
    "token_bound_cidrs"       = ["192.0.2.1/32"]
  }
}

path "auth/token/roles/gov-agent-0-tier-probe-t2" {
  capabilities       = ["create", "update"]
  allowed_parameters = {
    "allowed_policies"        = ["gov-t0,gov-t1,gov-t2"]
    "allowed_entity_aliases"  = ["agent-0-tier-probe-t2"]
    "orphan"                  = [true]
    "renewable"               = [false]
    "token_no_default_policy" = [true]
    "token_explicit_max_ttl"  = ["5m"]
    "token_type"              = ["service"]
    "token_bound_cidrs"       = ["192.0.2.1/32"]
  }
}

path "auth/token/roles/gov3-agent-0-tier-probe-t3" {
  capabilities       = ["create", "update"]
  allowed_parameters = {
    "allowed_policies"        = ["gov-t0,gov-t1,gov-t2,gov-t3"]
    "allowed_entity_aliases"  = ["agent-0-tier-probe-t3"]
    "orphan"                  = [true]
    "renewable"               = [false]
    "token_no_default_policy" = [true]
    "token_explicit_max_ttl"  = ["5m"]
    "token_type"              = ["service"]
    "token_bound_cidrs"       = ["192.0.2.1/32"]
  }
}

path "auth/token/roles/gov3-agent-0-tier-probe-t4" {
  capabilities       = ["create", "update"]
  allowed_parameters = {
    "allowed_policies"        = ["gov-t0,gov-t4"]
    "allowed_entity_aliases"  = ["agent-0-tier-probe-t4"]
    "orphan"                  = [true]
    "renewable"               = [false]
    "token_no_default_policy" = [true]
    "token_explicit_max_ttl"  = ["5m"]
    "token_type"              = ["service"]
    "token_bound_cidrs"       = ["192.0.2.1/32"]
  }
}

path "kv-shared/data/*"  { capabilities = ["create", "update"] }
path "kv-sandbox/data/*" { capabilities = ["create", "update"] }
path "kv-build/data/*"   { capabilities = ["create", "update"] }
path "kv-prod/data/*"    { capabilities = ["create", "update"] }
path "kv-notify/data/*"  { capabilities = ["create", "update"] }

path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self"  { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
