# Stops an agent: may disable, never enable; may end its tokens.
path "identity/entity/id/*" {
  capabilities       = ["read", "update"]
  allowed_parameters = { "disabled" = [true] }
}

path "identity/entity/name/agent-*" { capabilities = ["read"] }
path "auth/token/revoke-accessor"   { capabilities = ["update"] }
path "auth/token/lookup-accessor"   { capabilities = ["update"] }
path "auth/token/lookup-self"       { capabilities = ["read"] }
path "auth/token/revoke-self"       { capabilities = ["update"] }

path "sys/leases/revoke-prefix/auth/token/create/gov-agent-*"       { capabilities = ["update", "sudo"] }
path "sys/leases/revoke-prefix/auth/token/create/gov3-agent-*"      { capabilities = ["update", "sudo"] }
path "sys/leases/revoke-prefix/auth/token/create/gov3-gate-agent-*" { capabilities = ["update", "sudo"] }
