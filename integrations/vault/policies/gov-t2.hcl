# T2 builder: reads the build zone, writes and signs artefacts.
path "kv-{{identity.entity.metadata.t2}}/data/*"           { capabilities = ["read"] }
path "kv-{{identity.entity.metadata.t2}}/data/artifacts/*" { capabilities = ["create", "read", "update"] }
path "kv-{{identity.entity.metadata.t2}}/metadata/*"       { capabilities = ["read", "list"] }

path "gov-transit/sign/artifact-{{identity.entity.metadata.t2}}" { capabilities = ["update"] }
path "pki-agents/issue/{{identity.entity.metadata.t2}}"          { capabilities = ["update"] }
