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

# Agents are the registrar's; all but one, by which it is tried whether approvals are enforced.
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

path "kv-shared/data/*"  { capabilities = ["create", "update"] }
path "kv-sandbox/data/*" { capabilities = ["create", "update"] }
path "kv-build/data/*"   { capabilities = ["create", "update"] }
path "kv-prod/data/*"    { capabilities = ["create", "update"] }

path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self"  { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
