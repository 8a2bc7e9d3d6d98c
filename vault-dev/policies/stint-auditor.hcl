# Who checks how stint is set up and what it did: sees jobs, roles, policies, keys and what is still alive. Changes nothing
# and reads no secret of Vault's; the output of jobs, in which secrets are masked, it does see.

# In stint: every job with its output and history, queues, nodes, what the reaper would remove.
path "stint/operator/*" {
  capabilities = ["read", "list"]
}

path "auth/approle/role/stint-job" {
  capabilities = ["read"]
}

path "auth/approle/role/stint-server" {
  capabilities = ["read"]
}

path "auth/approle/role/stint-client" {
  capabilities = ["read"]
}

# Accessors of the SecretIDs that nobody has used yet, and facts about them. An accessor is no login.
path "auth/approle/role/stint-job/secret-id" {
  capabilities = ["list"]
}

path "auth/approle/role/stint-job/secret-id-accessor/lookup" {
  capabilities = ["update"]
}

# Whether the token of a job, whose accessor is in the history, is really gone.
path "auth/token/lookup-accessor" {
  capabilities = ["update"]
}

path "sys/policies/acl/stint-*" {
  capabilities = ["read"]
}

# Names and versions of secrets, when written and when deleted; never a value.
path "kv/metadata/*" {
  capabilities = ["read", "list"]
}

path "transit/keys/stint-job" {
  capabilities = ["read"]
}

# Whose signature the heads of the history are to have.
path "transit/keys/stint-audit" {
  capabilities = ["read"]
}
