# Who submits jobs: makes what a job needs to run, and can use none of it.
#
# A submitter must not be able to log in as a job, for then it could read every secret that jobs can. It takes a RoleID
# and a SecretID to do so, so there is no right here to read the RoleID: only the stint server has it.

# A token without rights that stint checks the caller with, and another one that carries the payload. Vault gives none
# that may do more than its maker.
path "auth/token/create" {
  capabilities = ["create", "update"]
}

# SecretIDs for jobs, handed out only in a wrapping that opens once: one that was seen on its way is seen to be used.
# Clients that wrap in a second step, as the web page of GoStint does, need the two wrapping lines removed, and the
# server needs STINT_ACCEPT_REWRAPPED=true.
path "auth/approle/role/stint-job/secret-id" {
  capabilities = ["create", "update"]
  min_wrapping_ttl = "1s"
  max_wrapping_ttl = "144h"
}

# Submits to every queue, where STINT_SUBMIT_NEEDS_RIGHT asks for that. Name queues instead of `+` to let a client into
# some of them only. It sees, kills and deletes what it submitted without any right.
path "stint/queues/+/jobs" {
  capabilities = ["create"]
}

path "stint/no-queue/jobs" {
  capabilities = ["create"]
}

# Seals a payload. There is no right to open one: only the job's own token does.
path "transit/encrypt/stint-job" {
  capabilities = ["update"]
}
