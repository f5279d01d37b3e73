# T1 operator: changes the sandbox. The zone is metadata of the entity: who holds no t1, has no zone.
path "kv-{{identity.entity.metadata.t1}}/data/*"     { capabilities = ["create", "read", "update", "patch", "delete"] }
path "kv-{{identity.entity.metadata.t1}}/metadata/*" { capabilities = ["read", "list"] }

path "ssh-{{identity.entity.metadata.t1}}/sign/operator" { capabilities = ["update"] }
path "db/creds/{{identity.entity.metadata.t1}}-rw"       { capabilities = ["read"] }
