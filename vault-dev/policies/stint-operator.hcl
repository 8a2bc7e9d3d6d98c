# Who runs stint: sets servers up, ends what hangs, changes keys. Reads no secret of a job and opens no payload.
#
# There is no right to make SecretIDs of the jobs' role: with the RoleID, which an operator may read, it would be a
# job's login. For the same reason nobody should be operator and client at once.

# What stint's own routes and doors ask Vault for: see, kill and delete every job; pause queues, drain nodes, run the reaper.
# With these paths nobody needs STINT_OPERATOR_POLICIES. The paths are virtual: nothing is mounted there.
path "stint/operator/*" {
  capabilities = ["read", "list", "update", "delete"]
}

# What a server's settings are made of: both RoleIDs, and what the bootstrap keeps for it.
path "auth/approle/role/stint-job/role-id" {
  capabilities = ["read"]
}

path "auth/approle/role/stint-server/role-id" {
  capabilities = ["read"]
}

path "kv/data/stint/server-login" {
  capabilities = ["read"]
}

# A new login for a server, and the end of an old one.
path "auth/approle/role/stint-server/secret-id" {
  capabilities = ["create", "update"]
}

path "auth/approle/role/stint-server/secret-id-accessor/destroy" {
  capabilities = ["update"]
}

# What a job left behind, found by its accessor in the server's log.
path "auth/token/lookup-accessor" {
  capabilities = ["update"]
}

path "auth/token/revoke-accessor" {
  capabilities = ["update"]
}

path "auth/approle/role/stint-job/secret-id-accessor/destroy" {
  capabilities = ["update"]
}

# A new version of the payload key. Payloads that wait are still opened with the old one.
path "transit/keys/stint-job" {
  capabilities = ["read"]
}

path "transit/keys/stint-job/rotate" {
  capabilities = ["update"]
}
