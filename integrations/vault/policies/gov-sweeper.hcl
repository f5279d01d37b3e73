# Ends what is left of runs that are over: lists accessors, looks at each, revokes. It mints nothing
# and reads no secret; an accessor opens nothing.
path "auth/token/accessors"       { capabilities = ["list", "sudo"] }
path "auth/token/accessors/"      { capabilities = ["list", "sudo"] }
path "auth/token/lookup-accessor" { capabilities = ["update"] }
path "auth/token/revoke-accessor" { capabilities = ["update"] }
path "sys/leases/lookup"          { capabilities = ["update"] }
path "sys/leases/lookup/*"        { capabilities = ["list", "sudo"] }
path "auth/token/lookup-self"     { capabilities = ["read"] }
path "auth/token/revoke-self"     { capabilities = ["update"] }
