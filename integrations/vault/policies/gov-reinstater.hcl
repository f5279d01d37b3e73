# Lets a revoked agent come back, at the lowest tier, once the ledger has granted it. First it ends
# whatever token is left: enabling an entity revives its tokens.
path "identity/entity/name/agent-*" {
  capabilities       = ["read", "update"]
  allowed_parameters = {
    "disabled" = [false]
    "metadata" = []
  }
}

path "sys/leases/revoke-prefix/auth/token/create/gov-agent-*"       { capabilities = ["update", "sudo"] }
path "sys/leases/revoke-prefix/auth/token/create/gov3-agent-*"      { capabilities = ["update", "sudo"] }
path "sys/leases/revoke-prefix/auth/token/create/gov3-gate-agent-*" { capabilities = ["update", "sudo"] }

path "gov-transit/verify/ledger-head" { capabilities = ["update"] }
path "auth/token/lookup-self"         { capabilities = ["read"] }
path "auth/token/revoke-self"         { capabilities = ["update"] }
