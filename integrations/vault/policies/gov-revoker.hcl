# Stops an agent: may disable, never enable; may end its tokens, and see that none is left.
# It sees for itself who asks for that.
path "identity/entity/name/agent-*" {
  capabilities       = ["read", "update"]
  allowed_parameters = { "disabled" = [true] }
}

path "sys/leases/revoke-prefix/auth/token/create/gov-agent-*"       { capabilities = ["update", "sudo"] }
path "sys/leases/revoke-prefix/auth/token/create/gov3-agent-*"      { capabilities = ["update", "sudo"] }
path "sys/leases/revoke-prefix/auth/token/create/gov3-gate-agent-*" { capabilities = ["update", "sudo"] }

path "sys/leases/lookup/auth/token/create/gov-agent-*"       { capabilities = ["list", "sudo"] }
path "sys/leases/lookup/auth/token/create/gov3-agent-*"      { capabilities = ["list", "sudo"] }
path "sys/leases/lookup/auth/token/create/gov3-gate-agent-*" { capabilities = ["list", "sudo"] }

path "gov-transit/verify/approver-*" { capabilities = ["update"] }
path "identity/entity/id/*"          { capabilities = ["read"] }
path "auth/token/lookup-self"        { capabilities = ["read"] }
path "auth/token/revoke-self"        { capabilities = ["update"] }
