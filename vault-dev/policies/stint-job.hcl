# One job's own token: what the SecretID that travels with the job is good for.
#
# Its holder is the job's program, so whatever is allowed here, every submitter may have. Keep it to what jobs need, and
# give kinds of jobs with other needs roles of their own. Renewing and revoking itself comes with Vault's `default` policy.

# Opens the payload that the submitter encrypted. The key is named as the role is.
path "transit/decrypt/stint-job" {
  capabilities = ["update"]
}

# The secrets that jobs may ask for by reference. These three are for demo and tests: replace them by your own.
path "kv/data/demo/*" {
  capabilities = ["read"]
}

path "kv1/demo/*" {
  capabilities = ["read"]
}

path "secret/data/demo/*" {
  capabilities = ["read"]
}
