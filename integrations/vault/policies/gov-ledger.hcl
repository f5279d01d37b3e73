# Queue mandate-ledger: signs the head of the ledger, and sees for itself who has proven what.
path "gov-transit/sign/ledger-head"   { capabilities = ["update"] }
path "gov-transit/keys/ledger-head"   { capabilities = ["read"] }
path "gov-transit/verify/approver-*"  { capabilities = ["update"] }
path "identity/entity/id/*"           { capabilities = ["read"] }
path "identity/group/name/*"          { capabilities = ["read"] }
path "auth/token/lookup-self"         { capabilities = ["read"] }
path "auth/token/revoke-self"         { capabilities = ["update"] }
