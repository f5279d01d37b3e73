# T3 executor: production, each time behind an approval that Vault itself enforces.
# No other policy may grant these patterns: a merge can silently drop the control group.
path "kv-{{identity.entity.metadata.t3}}/metadata/*" { capabilities = ["read", "list"] }

path "kv-{{identity.entity.metadata.t3}}/data/*" {
  capabilities = ["read"]
  control_group = {
    ttl = "744h" # as long as a gate may wait; the token that asks ends sooner. Never leave it out
    factor "prod" {
      controlled_capabilities = ["read"]
      identity {
        group_names = ["gov-approvers-prod"]
        approvals   = 1
      }
    }
  }
}

path "ssh-{{identity.entity.metadata.t3}}/sign/executor" {
  capabilities = ["update"]
  control_group = {
    ttl = "744h"
    factor "prod" {
      controlled_capabilities = ["update"]
      identity {
        group_names = ["gov-approvers-prod"]
        approvals   = 1
      }
    }
  }
}
