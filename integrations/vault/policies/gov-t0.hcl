# T0 observer: reads shared knowledge, keeps a scratch pad of its own.
path "kv-shared/data/docs/*"      { capabilities = ["read"] }
path "kv-shared/data/inventory/*" { capabilities = ["read"] }
path "kv-shared/metadata/*"       { capabilities = ["read", "list"] }
path "gov-transit/verify/*"       { capabilities = ["update"] }

path "kv-agents/data/{{identity.entity.id}}/*"     { capabilities = ["create", "read", "update", "delete"] }
path "kv-agents/metadata/{{identity.entity.id}}/*" { capabilities = ["read", "list", "delete"] }

# Without the default policy a token may not even look at itself.
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
