# A person: signs with a key that nobody else can use, makes that key once, and authorises requests
# that wait in Vault. Whether that opens anything is for the groups of a control group to say.
path "gov-transit/sign/approver-{{identity.entity.id}}" { capabilities = ["update"] }

path "gov-transit/keys/approver-{{identity.entity.id}}" {
  capabilities       = ["create", "read", "update"]
  allowed_parameters = { "type" = ["ed25519"] } # so it can never be exported
}

path "sys/control-group/request"   { capabilities = ["update"] }
path "sys/control-group/authorize" { capabilities = ["update"] }

path "identity/entity/id/{{identity.entity.id}}" { capabilities = ["read"] }
path "auth/token/lookup-self"                    { capabilities = ["read"] }
path "auth/token/revoke-self"                    { capabilities = ["update"] }
