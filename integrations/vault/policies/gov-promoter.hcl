# Changes the tier of an agent: metadata of its entity, nothing else of it.
path "identity/entity/id/*" {
  capabilities       = ["read", "update"]
  allowed_parameters = { "metadata" = [] }
}

path "identity/entity/name/agent-*" { capabilities = ["read"] }
path "auth/token/lookup-self"       { capabilities = ["read"] }
path "auth/token/revoke-self"       { capabilities = ["update"] }
