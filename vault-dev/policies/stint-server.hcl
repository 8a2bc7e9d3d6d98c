# The stint server's own login: cleans up what jobs could not clean up themselves, and reads no secret at all. Renewing
# and revoking its own token, and asking for its rights, come with Vault's `default` policy.

# Ends the token of a job whose node died or whose program spoilt it. It takes the accessor, which the server knows of
# the tokens it logged in for; there is no right to list accessors.
path "auth/token/revoke-accessor" {
  capabilities = ["update"]
}

# Destroys a job's SecretID that was opened and then could not be used. Not those of other roles.
path "auth/approle/role/stint-job/secret-id-accessor/destroy" {
  capabilities = ["update"]
}

# Signs the head of the history, and shows the public half of that key. It cannot change the key.
path "transit/sign/stint-audit" {
  capabilities = ["update"]
}

path "transit/keys/stint-audit" {
  capabilities = ["read"]
}
