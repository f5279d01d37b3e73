# Changes the tier of an agent: metadata of its entity, nothing else of it, and of nobody else.
# It raises only what the ledger has granted, and sees for itself who has signed that.
path "identity/entity/name/agent-*" {
  capabilities       = ["read", "update"]
  allowed_parameters = { "metadata" = [] }
}

path "gov-transit/verify/ledger-head" { capabilities = ["update"] }
path "auth/token/lookup-self"         { capabilities = ["read"] }
path "auth/token/revoke-self"         { capabilities = ["update"] }
