# Queue mandate-ledger: signs the head of the ledger.
path "gov-transit/sign/ledger-head" { capabilities = ["update"] }
path "gov-transit/keys/ledger-head" { capabilities = ["read"] }
path "auth/token/lookup-self"       { capabilities = ["read"] }
path "auth/token/revoke-self"       { capabilities = ["update"] }
