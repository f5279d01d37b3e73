# Who tells people of runs, and who serves the doors where they answer: reads what opens those, and
# nothing else. No agent reads there.
path "kv-notify/data/*"       { capabilities = ["read"] }
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
