# T4 architect: changes governance behind a council of two, and reads no production data.
# Who may write policies can in the end write anything: the council is the control. What binds
# the architects themselves is out of their reach: a longer pattern beats the glob.
path "sys/policies/acl/gov-*" {
  capabilities = ["create", "read", "update"]
  control_group = {
    ttl = "744h"
    factor "council" {
      controlled_capabilities = ["create", "update"]
      identity {
        group_names = ["gov-council"]
        approvals   = 2
      }
    }
  }
}

path "sys/policies/acl/gov-approver"  { capabilities = ["read"] }
path "sys/policies/acl/gov-t4"        { capabilities = ["read"] }
path "sys/policies/acl/gov-broker*"   { capabilities = ["read"] }
path "sys/policies/acl/gov-installer" { capabilities = ["read"] }
path "sys/policies/acl/gov-ledger"    { capabilities = ["read"] }
path "sys/policies/acl/gov-notifier"  { capabilities = ["read"] }
path "sys/policies/acl/gov-promoter"  { capabilities = ["read"] }
path "sys/policies/acl/gov-registrar" { capabilities = ["read"] }
path "sys/policies/acl/gov-reinstater" { capabilities = ["read"] }
path "sys/policies/acl/gov-revoker"   { capabilities = ["read"] }
path "sys/policies/acl/gov-sweeper"   { capabilities = ["read"] }

path "auth/token/roles/gov-*" { capabilities = ["read"] }
path "identity/entity/name/*" { capabilities = ["read"] }
path "identity/group/name/*"  { capabilities = ["read"] }
path "sys/audit"              { capabilities = ["read", "sudo"] }
path "kv-prod/*"              { capabilities = ["deny"] }
