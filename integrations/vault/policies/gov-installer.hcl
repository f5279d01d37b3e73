# Keeps the installation as this release wants it, and fills the zones without reading them.
# It writes policies, so its token is to be guarded like root's; that one is gone.
path "sys/policies/acl/gov-*" { capabilities = ["create", "read", "update"] }

path "sys/mounts"             { capabilities = ["read"] }
path "sys/mounts/kv-shared"   { capabilities = ["create", "update"] }
path "sys/mounts/kv-agents"   { capabilities = ["create", "update"] }
path "sys/mounts/kv-sandbox"  { capabilities = ["create", "update"] }
path "sys/mounts/kv-build"    { capabilities = ["create", "update"] }
path "sys/mounts/kv-prod"     { capabilities = ["create", "update"] }
path "sys/mounts/gov-transit" { capabilities = ["create", "update"] }
path "sys/auth"               { capabilities = ["read"] }
path "sys/auth/workers"       { capabilities = ["create", "update", "sudo"] }
path "sys/auth/approver"      { capabilities = ["create", "update", "sudo"] }

path "auth/workers/role/worker-*"     { capabilities = ["create", "read", "update"] }
path "identity/group/name/gov-*"      { capabilities = ["create", "read", "update"] }
path "gov-transit/keys/ledger-head"   { capabilities = ["create", "read", "update"] }
path "gov-transit/keys/artifact-*"    { capabilities = ["create", "read", "update"] }

path "kv-shared/data/*"  { capabilities = ["create", "update"] }
path "kv-sandbox/data/*" { capabilities = ["create", "update"] }
path "kv-build/data/*"   { capabilities = ["create", "update"] }
path "kv-prod/data/*"    { capabilities = ["create", "update"] }

path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self"  { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
